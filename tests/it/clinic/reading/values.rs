//! Precision and recall of the product: files of the corpus are read by the confined reader that is shipped, and its text by the
//! grammar, as an analysis does. (`src/clinic/laboratory/tests/corpus.rs` has the grammar alone, on poppler's text.)

use std::path::Path;

use serde_json::Value as Json;
use sportello::clinic::{
    analysis::read::{self as analysis, Read},
    documents::pages::PageText,
    laboratory::{grammar::rows::Value, report::Reading},
    patients::Sex,
};

use super::{files, read};

/// Trailing zeros say nothing here: 5.0 is 5.
fn short(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// A value as one line: what must be equal for it to be right.
fn said(reading: &Reading) -> String {
    let value = match &reading.value {
        Value::Number(comparator, number) => {
            format!("{}{}", comparator.map_or("", |it| it.as_str()), short(&number.to_string()))
        }
        Value::Finding(finding) => finding.as_str().to_owned(),
        Value::Karyotype(text) => text.clone(),
    };
    let unit = reading.unit.as_ref().map_or("", |it| it.ucum());
    let date = reading.date.map_or_else(String::new, |it| it.to_string());
    format!("{} {value} {unit} @{date} p{}", reading.analyte.code, reading.place.page)
}

fn expected(it: &Json) -> String {
    let text = |key: &str| it[key].as_str().unwrap_or_default();
    let value = match it["text"].as_str() {
        Some(text) => text.to_owned(),
        None => format!("{}{}", text("comparator"), short(text("value"))),
    };
    format!("{} {value} {} @{} p{}", text("code"), text("unit"), text("date"), it["page"])
}

/// What an analysis finds in a file.
async fn found(path: &Path, about: &Json) -> Read {
    let document = read(&std::fs::read(path).unwrap()).await.unwrap();
    let sex = if about["sex"] == "F" { Sex::Female } else { Sex::Male };
    analysis::read(PageText::of(document), sex, jiff::civil::date(2026, 11, 22))
}

#[derive(Default)]
struct Figures {
    documents: usize,
    right: usize,
    wrong: usize,
    missed: usize,
    log: String,
}

impl Figures {
    fn count(&mut self, about: &Json, found: &Read) {
        self.documents += 1;
        let mut awaited: Vec<String> = about["values"].as_array().unwrap().iter().map(expected).collect();
        for line in found.values.iter().map(said) {
            if let Some(place) = awaited.iter().position(|it| *it == line) {
                awaited.swap_remove(place);
                self.right += 1;
            } else {
                self.wrong += 1;
                self.log += &format!("{}: wrong: {line}\n", about["document"]);
            }
        }
        self.missed += awaited.len();
        for line in awaited {
            self.log += &format!("{}: missed: {line}\n", about["document"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_text_documents_are_read_from_the_files_themselves_as_well_as_promised() {
    for held_back in [false, true] {
        let mut figures = Figures::default();
        for path in files("documents", ".json") {
            let about: Json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            if about["scan"] == true || about["held_back"] != held_back {
                continue;
            }
            let file = path.with_file_name(about["document"].as_str().unwrap());
            figures.count(&about, &found(&file, &about).await);
        }
        let Figures { documents, right, wrong, missed, log } = figures;
        let part = |of: usize| right as f64 / (right + of) as f64;
        let name = if held_back { "held back" } else { "open" };
        let told = format!(
            "{name}: {documents} documents, {} values: precision {:.4}, recall {:.4}",
            right + missed,
            part(wrong),
            part(missed)
        );
        eprintln!("{told}");
        if !held_back {
            eprint!("{log}"); // what is held back stays unseen
        }
        assert!(documents >= 30, "{told}");
        assert!(part(wrong) >= 0.99 && part(missed) >= 0.95, "{told}");
    }
}
