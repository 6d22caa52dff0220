-- Why a receipt of certified mail is believed: it was made here, an operator's signature was verified, or nobody has looked.
ALTER TABLE certified_mail_receipt
  ADD COLUMN proof text NOT NULL DEFAULT 'unverified'
    CONSTRAINT certified_mail_receipt_proof_known CHECK (proof IN ('own', 'verified', 'unverified'));
-- The built-in provider has called itself so until now.
UPDATE certified_mail_receipt SET proof = 'own' WHERE provider LIKE 'Sportello (%)';
