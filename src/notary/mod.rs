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
//! Reading order: [`rules`] (what needs neither database nor clock), [`catalogue`] (acts and documents; its data is migration
//! 0023), [`offices`], [`collaborators`] and [`profiles`] (who is what), [`agenda`] (who meets whom), [`acts`] (what comes of
//! it, and its number), [`templates`] and [`deeds`] (its text), [`signatures`] (how it is
//! signed), [`certified_mail`] (how it gets to people), [`staff`] (who may do what for an office: the condition
//! in every statement about its things), [`licence`] (what an office without one may not do), [`directory`] (finding a notary),
//! [`reviews`] (what clients say of it), [`administration`], [`retention`] (what is not kept).

// First: the others use their macros.
#[macro_use]
pub mod staff;
#[macro_use]
pub mod licence;

pub mod acts;
pub mod administration;
pub mod agenda;
pub mod catalogue;
pub mod certified_mail;
pub mod collaborators;
pub mod conservation;
pub mod deeds;
pub mod directory;
pub mod erasure;
pub mod notifications;
pub mod offices;
pub mod profiles;
pub mod retention;
pub mod reviews;
pub mod rules;
pub mod signatures;
pub mod templates;
pub mod time;
