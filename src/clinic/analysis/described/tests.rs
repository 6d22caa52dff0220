//! Sentences as they are written, in Italian and English, and those that must say nothing.

use jiff::civil::{Date, date};
use serde_json::{Value, json};

use super::{Described, Descriptions, read};

const DAY: Option<Date> = Some(date(2026, 2, 8));
const UNTIL: Date = date(2026, 11, 22);

fn of(text: &str) -> Descriptions {
    read(text, DAY, (None, UNTIL))
}

/// Label and input of each.
fn found(text: &str) -> Vec<(String, Value)> {
    let input = |it: Described| {
        let mut input = serde_json::to_value(it.input).unwrap()["input"].take();
        // What is not said.
        if let Some(members) = input.as_object_mut() {
            members.retain(|_, it| !it.is_null());
        }
        (it.label, input)
    };
    of(text).found.into_iter().map(input).collect()
}

fn nothing(text: &str, unread: usize) {
    let it = of(text);
    assert_eq!((it.found.as_slice(), it.unread.len()), (&[][..], unread), "{text}");
}

fn blastocyst(expansion: u8, letters: [&str; 2], day: Option<u8>) -> Value {
    let mut it = json!({ "stage": "blastocyst", "expansion": expansion, "inner_cell_mass": letters[0],
        "trophectoderm": letters[1] });
    if let Some(day) = day {
        it["day"] = day.into();
    }
    it
}

#[test]
fn blastocysts_are_told_by_their_name_after_gardner() {
    let all = |text: &str| found(text).into_iter().map(|it| it.1).collect::<Vec<_>>();
    for text in
        ["blastocisti 4AB", "Blastocyst: 4AB", "Blastocisti espansa (4AB), crioconservata", "Gardner 4AB"]
    {
        assert_eq!(all(text), [blastocyst(4, ["A", "B"], None)], "{text}");
    }
    for text in
        ["day 5: 4AB", "Giorno 5   4AB", "D5 4AB", "G5: blastocisti 4AB, vitrificata", "Embryo, day 5: 4AB"]
    {
        assert_eq!(all(text), [blastocyst(4, ["A", "B"], Some(5))], "{text}");
    }
    assert_eq!(
        all("Blastocisti: 4AB, 3BB e 5AA"),
        [blastocyst(4, ["A", "B"], None), blastocyst(3, ["B", "B"], None), blastocyst(5, ["A", "A"], None)]
    );
    assert_eq!(found("Embrione n. 2, giorno 6: 5BC"), [("2".to_owned(), blastocyst(5, ["B", "C"], Some(6)))]);
    assert_eq!(found("Trasferita 1 blastocisti 4AA"), [(String::new(), blastocyst(4, ["A", "A"], None))]);
    assert_eq!(found("2 blastocysts 4AA, frozen"), [("2 ×".to_owned(), blastocyst(4, ["A", "A"], None))]);
}

#[test]
fn what_is_no_blastocyst_says_nothing() {
    for (text, unread) in [
        ("Nessuna blastocisti 4AB", 1),
        ("No blastocyst 4AB", 1),
        ("Blastocisti 4AA-4BB: ottima qualità", 1),
        ("Blastocisti 4AA/4AB", 1),
        ("Blastocisti 4AA o 4AB", 1),
        ("2 blastocisti 4AB, 3BB", 1),
        ("Giorno 3: 4AB", 1),
        ("blastocisti 7AB", 0),
        ("blastocisti 4AD", 0),
        ("blastocisti 4ab", 0),
        ("blastocisti 4ABC", 0),
        ("blastocisti 14AB", 0),
        ("Via Roma 4AB", 0),
        ("Attesa la blastocisti", 0),
    ] {
        nothing(text, unread);
    }
}

#[test]
fn cleaving_embryos_are_told_by_their_day_and_their_cells() {
    let seen = json!({ "stage": "cleavage", "day": 3, "cells": 8, "fragmentation_percent": 10.0, "cell_sizes": "even" });
    for text in [
        "Embrione 1: giorno 3, 8 cellule, frammentazione 10%, blastomeri regolari",
        "Embryo 1: day 3, 8 cells, fragmentation 10 %, even",
        "Embryo 1   D3   8-cell   10% fragmentation   symmetric",
    ] {
        assert_eq!(found(text), [("1".to_owned(), seen.clone())], "{text}");
    }
    assert_eq!(
        found("Giorno 2, 4 cellule, frammentazione assente, multinucleato"),
        [(
            String::new(),
            json!({ "stage": "cleavage", "day": 2, "cells": 4, "fragmentation_percent": 0.0, "is_multinucleated": true })
        )]
    );
    let bound = found("Embrione 4: giorno 3, 6 cellule, frammentazione < 10 %, irregolari");
    assert_eq!(
        bound,
        [("4".to_owned(), json!({ "stage": "cleavage", "day": 3, "cells": 6, "cell_sizes": "uneven" }))],
        "a bound is no number"
    );
    for (text, is_so) in [
        ("Embryo 1: day 3, 8 cells, no multinucleation", false),
        ("Embrione 1: giorno 3, 8 cellule, multinucleazione: assente", false),
        ("Embrione 1: giorno 3, 8 cellule, multinucleazione presente", true),
    ] {
        assert_eq!(found(text)[0].1["is_multinucleated"], is_so, "{text}");
    }
    nothing("Embrione 1: giorno 3, 8 cellule, multinucleazione dubbia", 1);
    nothing("Embrione 1: 8 cellule, frammentazione 10%", 1);
    nothing("Embrione 1: giorno 5, 8 cellule", 1);
    nothing("Embrione 1: giorno 3, 8 cellule, giorno 2, 4 cellule", 1);
    nothing("Giorno 3: 8 cellule epiteliali", 0);
}

#[test]
fn oocytes_are_told_by_their_maturity() {
    let (mii, mi, gv) = (
        json!({ "maturity": "metaphase_ii" }),
        json!({ "maturity": "metaphase_i" }),
        json!({ "maturity": "germinal_vesicle" }),
    );
    let all = |eight: u8, two: u8, one: u8| {
        vec![
            (format!("{eight} × MII"), mii.clone()),
            (format!("{two} × MI"), mi.clone()),
            (format!("{one} × GV"), gv.clone()),
        ]
    };
    for text in [
        "MII 8 / MI 2 / GV 1",
        "MII: 8, MI: 2, GV: 1",
        "8 MII, 2 MI, 1 GV",
        "Oocytes: 8 MII, 2 MI and 1 GV",
        "Maturità nucleare degli ovociti: MII 8; MI 2; GV 1",
        "MII   8   MI   2   GV   1",
        "MII   8\nMI   2\nGV   1",
        "Ovociti in metafase II 8, metafase I 2, vescicola germinale 1",
    ] {
        assert_eq!(found(text), all(8, 2, 1), "{text}");
    }
    for text in [
        "Ovociti recuperati 11, maturi (MII) 8",
        "Oocytes retrieved: 11, mature (MII): 8",
        "11 ovociti recuperati, di cui 8 MII",
        "Ovociti recuperati: 11\nOvociti maturi: 8",
        "MII 8, MI 0, GV 0",
    ] {
        assert_eq!(found(text), [("8 × MII".to_owned(), mii.clone())], "{text}");
    }
    assert_eq!(
        found("Ovocita 3: MII\nOocyte 4   GV"),
        [("3".to_owned(), mii.clone()), ("4".to_owned(), gv.clone())]
    );
}

#[test]
fn what_counts_no_oocytes_says_nothing() {
    for (text, unread) in [
        ("MII 73 %", 1),
        ("MII circa 8", 1),
        ("MII 8 2", 1),
        ("Ovociti maturi > 8", 1),
        ("Ovociti inseminati 8", 0),
        ("Ovociti recuperati 11", 0),
        ("20100 Milano (MI) 8", 0),
        ("MI 2", 0),
        ("MI 2 GV 1", 0),
    ] {
        nothing(text, unread);
    }
    let contradicts = of("Ovociti recuperati 5, maturi (MII) 8");
    assert_eq!(contradicts.found.iter().map(|it| &it.input).collect::<Vec<_>>(), [&None]);
    let differs = of("MII 8, GV 1\nMII 7");
    assert!(differs.found.iter().all(|it| it.input.is_none()) && differs.found.len() == 2);
    assert_eq!(found("MII 8\nMII 8").len(), 1, "the same twice is once");
}

#[test]
fn a_hysteroscopy_is_what_stands_below_its_heading() {
    let text = "ISTEROSCOPIA DIAGNOSTICA del 12/03/2026\nCavità uterina completamente esplorata, entrambi gli osti tubarici visibili.\n\
        Polipo endometriale di 12 x 8 mm della parete posteriore\nMioma sottomucoso FIGO 1, 2,5 cm\nSinechie: assenti\n\
        Nessuna indentazione\nEndometrio regolare\n";
    let text = text.replace("entrambi gli osti", "entrambi osti");
    assert_eq!(
        found(&text),
        [(
            String::new(),
            json!({ "is_complete": true, "polyps": [{ "size_mm": 12.0 }],
                "myomas": [{ "figo": 1, "figo_serosa": null, "size_mm": 25.0 }], "has_adhesions": false,
                "has_indentation": false, "endometrium": "regular" })
        )]
    );
    let it = &of(&text).found[0];
    assert_eq!(it.day, Some(date(2026, 3, 12)));
    let lines: Vec<_> = it.places.iter().map(|it| it.line).collect();
    assert_eq!(lines, [2, 2, 3, 4, 5, 6, 7]);
    let english = "Office hysteroscopy\nNo polyps. No myomas.\nAdhesions ESH grade IIa\nFundal indentation: absent\n\
        Endometrium: atrophic\n";
    assert_eq!(
        found(english),
        [(
            String::new(),
            json!({ "polyps": [], "myomas": [], "has_adhesions": true,
                "adhesions": { "extent": null, "kind": null, "menses": null, "esge": "IIa" },
                "has_indentation": false, "endometrium": "atrophic" })
        )]
    );
    let hybrid = found("Isteroscopia\nMioma FIGO 2-5 di 30 mm\nSetto assente\n");
    assert_eq!(hybrid[0].1, json!({ "myomas": [{ "figo": 2, "figo_serosa": 5, "size_mm": 30.0 }] }));
}

#[test]
fn a_thing_of_which_something_is_not_understood_is_not_described() {
    for (text, unread) in [
        ("Polipo 12 mm\n", 0), // no heading
        ("Isteroscopia consigliata\nPolipo 12 mm\n", 0),
        ("Isteroscopia\nPolipo 12 mm\nAltro polipo cornuale di dubbia natura\n", 1),
        ("Isteroscopia\nNessun polipo\nPolipo 12 mm\n", 0),
        ("Isteroscopia\nNon polipi, aderenze\n", 1),
        ("Isteroscopia\nPolipi multipli\n", 1),
        ("Isteroscopia\nPregresso polipo 12 mm\n", 1),
        ("Isteroscopia\nPolipo 12 mm 8 mm\n", 1),
        ("Isteroscopia\nMioma di 30 mm\n", 1),
        ("Isteroscopia\nEndometrio 8 mm\n", 0),
        ("Isteroscopia\nSetto assente\n", 0),
        ("Isteroscopia\nCavità uterina non completamente esplorata\n", 1),
    ] {
        nothing(text, unread);
    }
}

#[test]
fn the_day_is_that_of_the_line_or_counted_from_the_retrieval() {
    let days = |text: &str| of(text).found.iter().map(|it| it.day).collect::<Vec<_>>();
    let text = "Data pick-up: 03/02/2026\nMII 8\nEmbrione 1, giorno 5: 4AB\nEmbrione 2, 09/02/2026: blastocisti 4AB\nblastocisti 3BB\n";
    assert_eq!(
        days(text),
        [Some(date(2026, 2, 3)), Some(date(2026, 2, 8)), Some(date(2026, 2, 9)), DAY],
        "of the document, which is another day than that of the retrieval"
    );
    assert_eq!(days("blastocisti 4AB"), [DAY]);
    let same = read("Data del prelievo ovocitario: 08/02/2026\nblastocisti 4AB\n", DAY, (None, UNTIL));
    assert_eq!(same.found[0].day, None, "nobody knows how old it was");
    assert_eq!(days("blastocisti 4AB, 2026-12-24"), [None], "a day to come is a mistake");
    assert_eq!(read("MII 8", None, (None, UNTIL)).found[0].day, None);
}

#[test]
fn places_are_those_of_the_words_and_much_of_it_has_an_end() {
    let it = of("Pagina 1\n\u{c}\nEmbrione 1: blastocisti 4AB\n");
    let place = it.found[0].places[0];
    assert_eq!((place.page, place.line, place.start, place.end), (2, 2, 24, 27));
    assert_eq!(it.found[0].item, "2:2:24");
    assert_eq!(of(&"blastocisti 4AB\n".repeat(500)).found.len(), super::FOUND_MAX);
    nothing(&"blastocisti 4AB ".repeat(2_000), 0);
}
