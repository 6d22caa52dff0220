//! The notary desk: offices, their agenda, the documents of a case, acts and their register.
//!
//! Names are English; texts for people are Italian and English. What the words of Italian practice are called here:
//!
//! | Italian | here | | Italian | here |
//! |---|---|---|---|---|
//! | notaio, studio | notary, office | | protocollo, repertorio | register entry |
//! | cliente | client | | numero di protocollo | protocol number |
//! | collaboratore | collaborator | | modello di atto | act template |
//! | partner | partner | | firma digitale | signature |
//! | atto (notarile) | act | | marca temporale | time stamp |
//! | categoria, tipologia di atto | act category, act type | | PEC | certified mail |
//! | tipo di documento | document type | | ricevuta di accettazione, di consegna | receipt of acceptance, of delivery |
//! | documento richiesto | required document | | conservazione (a norma) | conservation |
//! | disponibilità | availability | | pacchetto di versamento | conservation package |
//! | eccezione, chiusura, apertura | exception, closure, opening | | licenza | licence |
//! | appuntamento | appointment | | vetrina | showcase |
//! | partecipante | participant | | recensione | review |
//! | documento dell'appuntamento | appointment document | | notifica, promemoria | notification, reminder |
//! | codice fiscale, partita IVA | fiscal code, VAT number | | questionario | survey |
//!
//! [`rules`] has what needs neither database nor clock. The catalogue of acts and documents is a migration
//! (`migrations/0023_notary_catalogue.sql`).

// First: the others use its macros.
#[macro_use]
pub mod staff;

pub mod agenda;
pub mod erasure;
pub mod notifications;
pub mod rules;
