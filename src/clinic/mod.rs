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
//! | clinica, personale, direzione | clinic, member, who manages it | | consenso al trattamento | consent |
//! | stile di vita; anamnesi (tube, ciclo, endometriosi) | lifestyle; history | | accorpamento di cartelle doppie | merge of duplicates |
//!
//! Reading order: [`rules`] (what needs neither database nor clock), [`reading`] (from a file to the text on its pages),
//! [`laboratory`] (values from that text), [`staff`] (who may do what: the condition in every statement), [`clinics`],
//! [`members`] and [`tiers`] (where people work, and what it has paid for), [`patients`] (whom everything is about),
//! [`documents`] (what is uploaded about them), [`values`] (what was measured, as it is kept), [`analysis`] (how the one comes
//! from the other), [`analyses`] (what was graded), [`scores`] (what all of it comes to), [`worded`] (results in words),
//! [`summary`] (what there is of each patient, counted), [`reports`] (what is handed out about one), [`emr`] and [`fhir`]
//! (what other systems ask for and exchange),
//! [`retention`] (the end of a record), [`erasure`] (the end of a member's account).

// First: the others use its macros.
#[macro_use]
pub mod staff;
#[macro_use]
pub mod patients;
#[macro_use]
pub mod values;
#[macro_use]
pub mod documents;

pub mod analyses;
pub mod analysis;
pub mod clinics;
pub mod emr;
pub mod erasure;
pub mod fhir;
pub mod laboratory;
pub mod members;
pub mod reading;
pub mod reports;
pub mod retention;
pub mod rules;
pub mod scores;
pub mod summary;
pub mod tiers;
pub mod worded;
