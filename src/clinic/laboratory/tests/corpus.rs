//! Precision and recall on the texts of `tests/corpus/clinic`, for the open and the held-back third apart.

use std::{fmt::Write as _, fs, path::PathBuf};

use serde_json::Value as Json;

use self::lines::{expected, said, shortened};
use crate::clinic::laboratory::{
    decimal::Decimal,
    flags::{Flag, Sex},
    grammar::rows::Value,
    identity::{self, Person},
    ranges::{Population, Range},
    report::{About, Reading, read},
};

#[path = "../../../../tests/corpus/clinic/lines.rs"]
mod lines;

struct Document {
    name: String,
    text: String,
    about: Json,
}

fn documents() -> Vec<Document> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/clinic/documents"));
    let mut names: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
    names.retain(|it| it.extension().is_some_and(|extension| extension == "json"));
    names.sort();
    let read = |path: &PathBuf| {
        let about: Json = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        // What is read in scans is measured by `tests/it/clinic/reading/figures.rs`: no text of them is kept.
        let text = about["text"].as_str().map(|name| fs::read_to_string(folder.join(name)).unwrap());
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        Document { name, text: text.unwrap_or_default(), about }
    };
    names.iter().map(read).collect()
}

fn ranges_said(ranges: &[Range]) -> Vec<String> {
    let end = |it: Option<Decimal>| it.map_or_else(String::new, |it| shortened(&it.to_string()).to_owned());
    let of = |it: Population| match it {
        Population::Everyone => "",
        Population::Men => "M",
        Population::Women => "W",
        Population::Follicular => "F",
        Population::Ovulatory => "O",
        Population::Luteal => "L",
        Population::Postmenopausal => "P",
    };
    ranges.iter().map(|it| format!("{}:{}..{}", of(it.population), end(it.low), end(it.high))).collect()
}

fn ranges_expected(it: &Json) -> Vec<String> {
    let text = |it: &Json| shortened(it.as_str().unwrap_or_default()).to_owned();
    let ranges = it["ranges"].as_array().into_iter().flatten();
    ranges.map(|it| format!("{}:{}..{}", text(&it["of"]), text(&it["low"]), text(&it["high"]))).collect()
}

#[derive(Default)]
struct Figures {
    documents: usize,
    right: usize,
    wrong: usize,
    missed: usize,
    flags_right: usize,
    ranges_right: usize,
    compared: usize,
    log: String,
}

impl Figures {
    fn precision(&self) -> f64 {
        self.right as f64 / (self.right + self.wrong) as f64
    }

    fn recall(&self) -> f64 {
        self.right as f64 / (self.right + self.missed) as f64
    }

    fn count(&mut self, document: &Document) {
        self.documents += 1;
        let sex = if document.about["sex"] == "F" { Sex::Female } else { Sex::Male };
        let report = read(&document.text, About { sex: Some(sex), ..About::default() });
        let mut awaited: Vec<&Json> = document.about["values"].as_array().unwrap().iter().collect();
        for reading in &report.values {
            let line = said(reading);
            let Some(place) = awaited.iter().position(|it| expected(it) == line) else {
                self.wrong += 1;
                writeln!(self.log, "{}: wrong: {line}", document.name).unwrap();
                continue;
            };
            let it = awaited.swap_remove(place);
            self.right += 1;
            if it["text"].is_null() {
                self.compared += 1;
                let flag = reading.flag.map(Flag::as_str);
                self.flags_right += usize::from(flag == it["flag"].as_str());
                let (found, wanted) = (ranges_said(&reading.ranges), ranges_expected(it));
                self.ranges_right += usize::from(found == wanted);
                if found != wanted || flag != it["flag"].as_str() {
                    writeln!(
                        self.log,
                        "{}: {line}: {found:?} {flag:?} for {wanted:?} {}",
                        document.name, it["flag"]
                    )
                    .unwrap();
                }
            }
        }
        self.missed += awaited.len();
        for it in awaited {
            writeln!(self.log, "{}: missed: {}", document.name, expected(it)).unwrap();
        }
    }

    /// What is held back stays unseen: only its figures are shown while rules are written.
    fn explain(&self, held_back: bool) {
        if !held_back || std::env::var_os("SHOW_HELD_BACK").is_some() {
            print!("{}", self.log);
        }
    }

    fn show(&self, name: &str) -> String {
        format!(
            "{name}: {} documents, {} values: precision {:.4}, recall {:.4}; ranges {:.4}, flags {:.4} of {} numbers",
            self.documents,
            self.right + self.missed,
            self.precision(),
            self.recall(),
            self.ranges_right as f64 / self.compared as f64,
            self.flags_right as f64 / self.compared as f64,
            self.compared,
        )
    }
}

fn figures(of: impl Fn(&Json) -> bool) -> Figures {
    let mut figures = Figures::default();
    documents().iter().filter(|it| of(&it.about)).for_each(|it| figures.count(it));
    figures
}

#[test]
fn text_documents_are_read_as_well_as_promised() {
    for held_back in [false, true] {
        let figures = figures(|it| it["scan"] == false && it["held_back"] == held_back);
        let name = if held_back { "text, held back" } else { "text, open" };
        println!("{}", figures.show(name));
        figures.explain(held_back);
        assert!(figures.precision() >= 0.99 && figures.recall() >= 0.95, "{}", figures.show(name));
    }
}

#[test]
fn the_corpus_is_as_large_as_promised() {
    let documents = documents();
    assert!(documents.len() >= 60, "{} documents", documents.len());
    let held_back = documents.iter().filter(|it| it.about["held_back"] == true).count();
    assert!(held_back * 3 >= documents.len(), "{held_back} of {} are held back", documents.len());
    let scans = documents.iter().filter(|it| it.about["scan"] == true).count();
    assert!(scans >= 40, "{scans} scans");
    let hostile = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/clinic/hostile"));
    assert!(fs::read_dir(hostile).unwrap().count() >= 40);
}

#[test]
fn documents_in_the_record_of_a_stranger_are_noticed_wherever_they_name_somebody() {
    let [first_name, last_name] = ["Marta", "Ferrari"].map(str::to_owned);
    let stranger = Person { first_name, last_name, born_on: None, fiscal_code: None, sex: None };
    let mut named = 0;
    for document in documents() {
        let is_named = ["Paziente:", "Patient:"].iter().any(|label| document.text.contains(label));
        named += usize::from(is_named);
        let pages = identity::pages_of_another(&document.text, |_| false, &stranger);
        assert_eq!(!pages.is_empty(), is_named, "{}", document.name);
    }
    assert!(named > 50, "{named}");
}
