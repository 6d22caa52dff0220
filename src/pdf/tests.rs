//! Documents are read back by programs of others: `qpdf` and poppler's tools (`script/setup --test` installs them).

use std::{collections::BTreeSet, io::Write as _, process::Command};

use serde_json::{Value, json};

use super::{Document, Layout, PressError, letters::printable, print, unprintable};
use crate::mail::Language;

fn paragraph(text: &str) -> Value {
    json!({ "kind": "paragraph", "runs": [{ "text": text }] })
}

fn deed(blocks: &[Value]) -> Document {
    Document {
        layout: Layout::Deed,
        language: Language::It,
        title: "Procura speciale".to_owned(),
        made_at: "2026-11-22T10:20:30Z".parse().unwrap(),
        data: json!({
            "head": ["Studio notarile Rossi", "Notaio Anna Rossi", "Via Roma 1, Torino"], "subtitle": "Repertorio PROC-0001",
            "mark": "Bozza", "blocks": blocks, "closing": ["Letto e approvato."],
            "signature": ["Il notaio", "Anna Rossi"], "foot": "Studio notarile Rossi",
        }),
        images: Vec::new(),
    }
}

/// What a program says of a PDF; its name in the arguments is `-`.
pub(crate) fn ask(program: &str, arguments: &[&str], pdf: &[u8]) -> String {
    let folder = std::env::temp_dir().join(format!("sportello-pdf-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("a.pdf");
    std::fs::File::create(&path).unwrap().write_all(pdf).unwrap();
    let arguments = arguments.iter().map(|part| if *part == "@" { path.as_os_str() } else { part.as_ref() });
    let said = Command::new(program).args(arguments).output();
    let said = said.unwrap_or_else(|error| panic!("{program}: {error}; run script/setup --test"));
    std::fs::remove_dir_all(folder).unwrap();
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.success(), "{program}: {text} {}", String::from_utf8_lossy(&said.stderr));
    text
}

/// The words of a PDF, as another program finds them.
pub(crate) fn words(pdf: &[u8]) -> String {
    ask("pdftotext", &["-layout", "@", "-"], pdf).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn others_find_a_sound_archivable_file_with_all_of_its_fonts() {
    let pdf = print(&deed(&[paragraph("Il giorno ventidue novembre.")])).unwrap();
    assert!(ask("qpdf", &["--check", "@"], &pdf).contains("No syntax or stream encoding errors"));
    let info = ask("pdfinfo", &["-isodates", "@"], &pdf);
    for line in
        ["Procura speciale", "Sportello", "2026-11-22T10:20:30Z", "Encrypted: no", "A4", "JavaScript: no"]
    {
        let info: Vec<&str> = info.split_whitespace().collect();
        assert!(info.join(" ").contains(line), "{line} is not in {info:?}");
    }
    let metadata = ask("pdfinfo", &["-meta", "@"], &pdf);
    assert!(metadata.contains("<pdfaid:part>2</pdfaid:part>"), "{metadata}");
    assert!(metadata.contains("<pdfaid:conformance>B</pdfaid:conformance>"), "{metadata}");
    let fonts = ask("pdffonts", &["@"], &pdf);
    assert!(fonts.lines().count() > 2, "{fonts}");
    for font in fonts.lines().skip(2) {
        let embedded: Vec<&str> = font.split_whitespace().rev().take(5).collect();
        assert_eq!(embedded[2..], ["yes", "yes", "yes"], "embedded, a subset, with its letters: {font}");
    }
    let objects = ask("qpdf", &["--json", "@"], &pdf);
    assert!(objects.contains("/GTS_PDFA1") && !objects.contains("/JavaScript"), "what PDF/A asks for");
    let read = words(&pdf);
    for part in
        ["Studio notarile Rossi", "Repertorio PROC-0001", "Il giorno ventidue novembre.", "pagina 1 di 1"]
    {
        assert!(read.contains(part), "{part} is not in {read}");
    }
}

#[test]
fn what_people_write_is_shown_and_never_read_as_markup() {
    let texts = [
        "#eval(\"1 + 1\") #import \"x\" #panic() #{let a = 1}",
        "$x^2$ and [content] and {code}",
        "*stars* _lines_ = heading - item + item / term: none",
        "@reference <label> `raw` ```block``` ~ --- ...",
        "\\ \\u{41} \\# C:\\temp // a comment /* another */",
        "https://example.org 'single' \"double\" <b>no</b> %d {{name}}",
    ];
    let pdf = print(&deed(&texts.map(paragraph))).unwrap();
    let read = words(&pdf);
    for text in texts {
        assert!(read.contains(text), "{text} is not in {read}");
    }
    assert!(ask("qpdf", &["--check", "@"], &pdf).contains("No syntax"));
}

#[test]
fn every_letter_is_printed_or_said_to_be_unprintable() {
    let all: Vec<char> = ('\0'..='\u{2ffff}').collect();
    let text: String = all.iter().flat_map(|&c| [c, c, ' ']).collect();
    let bad = unprintable(&text);
    for good in "AaÀàÈèßŁŻœ€§°«»–—’ΑαЖжאבابतصفحه\n\t".chars().filter(|c| *c != 'त')
    {
        assert!(!bad.contains(&good), "{good:?} can be printed");
    }
    for c in ['\0', '\u{7}', '\u{202e}', '\u{2066}', '\u{e000}', '日', '😀', 'त'] {
        assert!(bad.contains(&c), "{c:?} cannot be printed");
    }
    // Each that is left, alone and together with others: the press refuses what no font has.
    let good: Vec<char> = all.into_iter().filter(|c| !bad.contains(c)).collect();
    let parts: Vec<String> =
        good.chunks(40).map(|part| part.iter().flat_map(|&c| [c, ' ']).collect()).collect();
    print(&deed(&parts.iter().map(|part| paragraph(part)).collect::<Vec<_>>())).unwrap();
    print(&deed(&[paragraph(&text.chars().take(30_000).collect::<String>())])).unwrap();
}

#[test]
fn letters_of_all_directions_and_long_words_stay_on_the_page() {
    let long = "x".repeat(300);
    let text = format!(
        "שלום עולם and مرحبا بالعالم, {long} \u{202e}turned 😀 e\u{301}\u{1F468}\u{200d}\u{1F469} end"
    );
    let pdf = print(&deed(&[paragraph(&text)])).unwrap();
    let read = words(&pdf);
    assert!(
        read.contains("end") && read.contains(&"x".repeat(60)) && !read.contains(&"x".repeat(61)),
        "{read}"
    );
    assert!(read.contains('\u{fffd}'), "what cannot be printed is seen: {read}");
    assert_eq!(printable("a\r\nb\tc"), "a\nb\u{20}c");
    assert_eq!(printable("perché no"), "perché no");
}

#[test]
fn the_same_document_gives_the_same_bytes_and_another_moment_others() {
    let document = deed(&[paragraph("uno"), json!({ "kind": "item", "runs": [{ "blank": 8 }] })]);
    let first = print(&document).unwrap();
    let elsewhere = std::thread::spawn({
        let document = document.clone();
        move || print(&document).unwrap()
    });
    assert_eq!(first, elsewhere.join().unwrap());
    print(&deed(&[paragraph("another in between")])).unwrap();
    assert_eq!(first, print(&document).unwrap());
    let later = Document { made_at: "2026-11-22T10:20:31Z".parse().unwrap(), ..document };
    assert_ne!(first, print(&later).unwrap());
}

/// The paths of all texts.
pub(crate) fn names_of(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, it)| names_of(it, &format!("{path}/{name}"), into));
        }
        Value::String(text) => {
            assert!(!text.trim().is_empty(), "{path}");
            into.insert(path.to_owned());
        }
        other => panic!("{path}: {other}"),
    }
}

#[test]
fn what_layouts_say_they_say_in_both_languages() {
    for layout in Layout::ALL {
        let [it, en] = [Language::It, Language::En].map(|language| {
            let mut into = BTreeSet::new();
            names_of(layout.words(language), "", &mut into);
            into
        });
        assert_eq!(it, en, "{}", layout.name());
    }
}

#[test]
fn what_is_too_large_and_what_the_layout_does_not_understand_is_refused() {
    let large = deed(&[paragraph(&"x ".repeat(3 << 20))]);
    assert_eq!(print(&large), Err(PressError::TooLarge));
    let mut strange = deed(&[]);
    strange.data = json!({ "head": 7 });
    assert!(matches!(print(&strange), Err(PressError::Broken { layout: "deed", .. })));
}

#[cfg(target_os = "linux")]
#[test]
fn memory_stays_flat_over_many_documents() {
    let resident = || {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4 / 1024
    };
    let print_some = |from: usize| {
        for number in from..from + 60 {
            let text = format!("Documento {number}: {}", format!("lorem ipsum {number} ").repeat(40));
            print(&deed(&vec![paragraph(&text); 5])).unwrap();
        }
    };
    print_some(0);
    let before = resident();
    print_some(60);
    print_some(120);
    assert!(resident() < before + 40, "MiB: {before}, then {}", resident());
}
