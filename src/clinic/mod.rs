//! The clinic desk: patients, their documents, what is found in them, and what can be said of it.
//!
//! The software supports clinicians and does not diagnose. It measures given values against published limits, says which
//! ones, and leaves out what the given values do not say; whoever treats the patient decides. This is said wherever results
//! are shown (`Sentence::SupportsClinicians` is a limit of every result).
//!
//! Names are English; texts for people are Italian and English. What the words of the practice are called here:
//!
//! | Italian | here | | Italian | here |
//! |---|---|---|---|---|
//! | paziente | patient | | numero di cartella | medical record number (MRN) |
//! | referto, documento | document | | valore di riferimento | reference limit |
//! | spermiogramma | semen analysis | | motilità progressiva | progressive motility |
//! | ovocita | oocyte | | forme normali (morfologia) | normal forms |
//! | embrione, blastocisti | embryo, blastocyst | | massa cellulare interna, trofoectoderma | inner cell mass, trophectoderm |
//! | follicolo, conta dei follicoli antrali | follicle, antral follicle count (AFC) | | riserva ovarica | ovarian reserve |
//! | isteroscopia | hysteroscopy | | polipo, mioma, sinechia, setto | polyp, myoma, adhesion, septum |
//! | punteggio di fertilità | fertility score | | ambito | domain |
//!
//! Reading order: [`rules`] (what needs neither database nor clock).

pub mod rules;
