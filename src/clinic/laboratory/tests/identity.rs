//! Whose a page is.

use jiff::civil::date;

use crate::clinic::laboratory::{
    flags::Sex,
    identity::{Person, pages_of_another},
};

fn anna() -> Person {
    Person {
        first_name: "Anna Maria".to_owned(),
        last_name: "De Rossi".to_owned(),
        born_on: Some(date(1989, 4, 17)),
        fiscal_code: Some("RSSNMR89D57H501H".to_owned()),
        sex: Some(Sex::Female),
    }
}

#[track_caller]
fn expect(is_another: bool, texts: &[&str]) {
    for text in texts {
        assert_eq!(!pages_of_another(text, |_| false, &anna()).is_empty(), is_another, "{text}");
    }
}

#[test]
fn what_says_nothing_of_anybody_is_nobody_elses() {
    expect(
        false,
        &[
            "",
            "FSH   7,2 mUI/mL",
            "Paziente: in terapia con progesterone",
            "Patient ID: 1289",
            "Paziente: A. R.",
            "Data prelievo: 03/02/2026",
            "Gentile Dott.ssa Bianchi, la paziente ha eseguito gli esami",
            "Partner: Verdi Luca   nato il 01/01/1985   Sesso: M",
            "Medico: VERDI GIOVANNI",
            "Paziente: ESTERNO",
            "Paziente: A digiuno",
            "Paziente: Regime SSN",
            "Provenienza paziente: Esterni",
            "Patient: Outpatient",
            "Nome: Emocromo",
        ],
    );
}

#[test]
fn what_is_the_patients_is_seen_in_many_ways_of_writing_it() {
    expect(
        false,
        &[
            "Paziente: ROSSI ANNA MARIA    Data di nascita: 17/04/1989",
            "Patient: Rossi, Anna   Date of birth: 04/17/1989",
            "Patient: Derossi A.   DOB 17 April 1989",
            "Cognome e nome: DEROSSI Anna",
            "Paziente: Bianchi Anna   nata a Reggio Emilia il 17.04.1989",
            "Patient Name: ANNNA ROSI   D.O.B.: 1989-04-17",
            "C.F.: RSSNMR89D57H501H   Paziente: VERDI MARTA",
            "Sesso: F",
            // A physician's own.
            "Dott. Verdi  C.F.: RSSMRA85T10A562S\nPaziente: De Rossi Anna, nata il 17/04/1989",
            "Paziente: De Rossi Anna   Sesso: M",
            "Paziente: SIG.RA ROSSI",
            "Paziente: De Rossi Anna Maria\nParti: 1 (nato vivo il 12/05/2018)",
            "Paziente: De Rossi Anna Maria\nFiglio nato il 03/03/2020",
            "Patient: De Rossi Anna Maria\nLast born child: 12/05/2018",
            "Paziente: De Rossi Anna Maria\nMedico: dott. Verdi nato il 01/01/1960",
            "Paziente: De Rossi Anna Maria   Data di nascita: 17.04.89",
            "Cognome: DE ROSSI   Nome: ANNA",
            "Paziente: VERDI MARTA  nata il 01/01/1980\nPaziente: ROSSI ANNA  nata il 17/04/1989",
        ],
    );
}

#[test]
fn what_is_of_somebody_else_is_seen() {
    expect(
        true,
        &[
            "Paziente: BIANCHI GIOVANNI",
            "Paziente:  BIANCHI GIOVANNI    Data di nascita: 01/01/1970",
            "Paziente: ROSSI ANNA MARIA    Data di nascita: 17/04/1990",
            "ROSSI ANNA MARIA   nata il 18/04/1989",
            "Patient: SMITH, EMILY JANE",
            "Cod. fiscale: RSSMRA85T10A562S",
            "Sex: M",
            "Sex M   Age 55",
            "Date of birth: 01-Jan-1970",
            "Data di nascita: 01.01.70",
            "Nata il 1° gennaio 1970",
            "nata a Roma (RM) il giorno 1/1/1970",
            "D.O.B 01/01/1970",
            "Birthdate: 01/01/1970",
            "Name: John Smith",
            "Nome: GIOVANNI BIANCHI",
            "Last name: SMITH",
            "Paziente: BIANCHI MARIA",
            "Paziente: DE LUCA ANNA",
            "Paziente: DE ROSSI GIULIA",
        ],
    );
}

#[test]
fn each_page_speaks_for_itself() {
    let both = "Paziente: DE ROSSI ANNA  nata il 17/04/1989\n\u{c}Paziente: VERDI LUCA  nato il 03/03/1980\nFSH 4\n\u{c}FSH 5\n";
    assert_eq!(pages_of_another(both, |_| false, &anna()), [2]);
}

#[test]
fn a_picture_is_asked_for_the_name_alone() {
    let said = |text: &str| !pages_of_another(text, |_| true, &anna()).is_empty();
    assert!(!said("Paziente: R0SSI ANNA MARIA   Data di nascita: 17/04/1939"));
    assert!(!said("Paziente: ROSSL MARLA"));
    assert!(!said("Data di nascita: 17/04/1939"));
    assert!(said("Paziente: BIANCHI GIOVANNI"));
    assert!(!said("Paziente: BlANCHl ClOVANNl   Data di nascita: 17/04/1989"));
}
