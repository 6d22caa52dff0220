//! Documents are read back by programs of others: `qpdf`, poppler's tools and a validator of PDF/A (`script/setup --test`).

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use super::{Document, Image, Layout, PressError, letters::printable, print, unprintable};
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

/// What a program says of a PDF; its name in the arguments is `@`.
pub(crate) fn ask(program: &str, arguments: &[&str], pdf: &[u8]) -> String {
    String::from_utf8_lossy(&run(program, arguments, pdf)).into_owned()
}

fn run(program: &str, arguments: &[&str], pdf: &[u8]) -> Vec<u8> {
    let said = tried(program, arguments, pdf);
    assert!(said.status.success(), "{program}: {}", String::from_utf8_lossy(&said.stderr));
    said.stdout
}

fn tried(program: &str, arguments: &[&str], pdf: &[u8]) -> Output {
    let folder = std::env::temp_dir().join(format!("sportello-pdf-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("a.pdf");
    std::fs::File::create(&path).unwrap().write_all(pdf).unwrap();
    let arguments = arguments.iter().map(|part| if *part == "@" { path.as_os_str() } else { part.as_ref() });
    let said = Command::new(program).args(arguments).output();
    let said = said.unwrap_or_else(|error| panic!("{program}: {error}; run script/setup --test"));
    std::fs::remove_dir_all(folder).unwrap();
    said
}

/// The words of a PDF, as another program finds them.
pub(crate) fn words(pdf: &[u8]) -> String {
    ask("pdftotext", &["-layout", "@", "-"], pdf).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_judge_of_archives_is_no_yes_man() {
    let sound = print(&deed(&[paragraph("uno")])).unwrap();
    assert_eq!(judged(&sound), "valid");
    let locked = run("qpdf", &["--encrypt", "", "owner", "256", "--", "@", "-"], &sound);
    assert!(judged(&locked).contains("must not be encrypted"));
    let bytes = |from: &str, to: &str| {
        let plain = run("qpdf", &["--qdf", "--object-streams=disable", "@", "-"], &sound);
        run("fix-qdf", &["@"], String::from_utf8_lossy(&plain).replace(from, to).as_bytes())
    };
    assert!(judged(&bytes("/Metadata ", "/Nothing ")).contains("missing XMP metadata"));
    assert!(judged(&bytes("/FontFile3 ", "/Nothing ")).contains("no embedded"));
}

#[test]
fn others_find_a_sound_archivable_file_with_all_of_its_fonts() {
    let pdf = print(&deed(&[paragraph("Il giorno ventidue novembre.")])).unwrap();
    is_archivable(&pdf, "Procura speciale");
    let info = ask("pdfinfo", &["-isodates", "@"], &pdf);
    for line in
        ["Procura speciale", "Sportello", "2026-11-22T10:20:30Z", "Encrypted: no", "A4", "JavaScript: no"]
    {
        let info: Vec<&str> = info.split_whitespace().collect();
        assert!(info.join(" ").contains(line), "{line} is not in {info:?}");
    }
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
    assert!(read.contains("end") && read.contains(&"x".repeat(60)) && !read.contains(&long), "{read}");
    assert_eq!(read.matches('x').count(), 300, "nothing stands between that was not written");
    assert!(read.contains('\u{fffd}'), "what cannot be printed is seen: {read}");
    nothing_leaves_its_place(&pdf);
    assert_eq!(printable("a\r\nb\tc"), "a\nb\u{20}c");
    assert_eq!(printable("perché no"), "perché no");
    assert_eq!(printable(&long), long, "whoever copies a name copies one word");
}

/// Words of every kind that people write: a name without a blank, in capitals, of a file, of an address.
pub(crate) fn long_words() -> [String; 5] {
    let file = "Referto_Laboratorio_San_Luca_Bianchi_Anna_2026_02_03_definitivo.pdf";
    [
        "W".repeat(60),
        file.to_owned(),
        file.to_uppercase(),
        "https://www.ospedale-maggiore.example/referti/2026/02/03/anna.bianchi?pagina=1&lingua=it".to_owned(),
        "שלום".repeat(12),
    ]
}

/// A ticket, an agenda and a sheet of an act, in which all texts of people are these.
fn sheets(text: &str) -> [Document; 3] {
    let picture = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 9 9\" width=\"9\" height=\"9\">\
                   <rect width=\"9\" height=\"9\" fill=\"#000\"/></svg>";
    let table = |columns: &[&str], widths: &[f64]| {
        let row = vec![text; columns.len()];
        json!({ "heading": null, "columns": columns, "widths": widths, "rows": [row, row], "none": "documents" })
    };
    let sheet = |fact: &str, table: Value| {
        json!({ "head": [text, text], "title": "Foglio", "subtitle": text, "facts": [{ "label": fact, "value": text }],
            "notes": [], "tables": [table], "foot": text })
    };
    let mut act = sheet(
        "client",
        table(&["municipality", "sheet", "parcel", "sub", "category"], &[3.0, 1.2, 1.2, 1.0, 1.2]),
    );
    act["notes"] = json!([{ "label": "description", "text": format!("{text}\n{text}") }]);
    let ticket = json!({ "event": text, "place": text, "date": "mercoledì 22 novembre 2026", "begins": "21:00", "holder": text,
        "tickets": 10, "paid": "120.000,00 €", "code": "ABCDEFGHJK", "booking": uuid::Uuid::nil() });
    let document = |layout: Layout, data, images| Document {
        layout,
        language: Language::It,
        title: format!("{}: {text}", layout.title(Language::It)),
        made_at: "2026-11-22T10:20:30Z".parse().unwrap(),
        data,
        images,
    };
    let code = Image { name: "code", content: picture.into() };
    [
        document(Layout::Ticket, ticket, vec![code]),
        document(
            Layout::Agenda,
            sheet("count", table(&["time", "client", "matter", "status"], &[1.3, 2.4, 4.0, 2.3])),
            vec![],
        ),
        document(Layout::ActSummary, act, vec![]),
    ]
}

#[test]
fn each_layout_is_archivable_and_keeps_texts_of_any_length_in_their_places() {
    for text in long_words() {
        let mut deed =
            deed(&[paragraph(&text), json!({ "kind": "heading", "level": 1, "runs": [{ "text": text }] })]);
        deed.title.clone_from(&text);
        deed.data["head"] = json!([text, text]);
        deed.data["signature"] = json!([text]);
        for document in sheets(&text).into_iter().chain([deed]) {
            let pdf = print(&document).unwrap();
            nothing_leaves_its_place(&pdf);
            is_archivable(&pdf, document.layout.title(Language::It));
        }
    }
}

#[test]
fn a_ticket_is_one_page_with_the_longest_title_and_address() {
    let long =
        format!("{} Concerto di beneficenza della Fondazione {}", "W".repeat(60), "dei Mille ".repeat(10));
    let long: String = long.chars().take(200).collect();
    let [ticket, ..] = sheets(&long);
    let pdf = print(&ticket).unwrap();
    assert!(ask("pdfinfo", &["@"], &pdf).contains("Pages:           1"), "{}", words(&pdf));
    nothing_leaves_its_place(&pdf);
    assert!(words(&pdf).contains("Mostri questo codice"));
}

/// The size of a page, and its words with their places: left, top, right, bottom.
type PlacedPage = ((f64, f64), Vec<([f64; 4], String)>);

/// What stands where on each page.
fn places(pdf: &[u8]) -> Vec<PlacedPage> {
    let number = |line: &str, name: &str| -> f64 {
        let rest = line.split(&format!("{name}=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    let mut pages: Vec<PlacedPage> = Vec::new();
    for line in ask("pdftotext", &["-bbox", "@", "-"], pdf).lines() {
        if line.contains("<page ") {
            pages.push(((number(line, "width"), number(line, "height")), Vec::new()));
        } else if line.contains("<word ") {
            let place = ["xMin", "yMin", "xMax", "yMax"].map(|name| number(line, name));
            let word = line.split(['>', '<']).nth(2).unwrap_or_default().to_owned();
            pages.last_mut().unwrap().1.push((place, word));
        }
    }
    pages
}

/// Every word lies within the margins, and none on another; the smallest letters can be read.
pub(crate) fn nothing_leaves_its_place(pdf: &[u8]) {
    /// Points that the boxes of words of two lines share, which have room for accents.
    const SHARED: f64 = 3.0;
    const MARGIN: f64 = 28.0;
    for (page, ((width, height), words)) in places(pdf).into_iter().enumerate() {
        for (place, (a, word)) in words.iter().enumerate() {
            let [left, top, right, bottom] = *a;
            let is_inside = left > MARGIN && right < width - MARGIN && top > 20.0 && bottom < height - 15.0;
            assert!(is_inside && bottom - top > 6.0, "page {page}: {word} {a:?}");
            for (b, other) in &words[place + 1..] {
                let across = right.min(b[2]) - left.max(b[0]);
                let down = bottom.min(b[3]) - top.max(b[1]);
                assert!(across < 1.0 || down < SHARED, "page {page}: {word} {a:?} lies on {other} {b:?}");
            }
        }
    }
}

/// What a validator that nobody here has written says of a PDF as PDF/A-2b: `valid`, or what is wrong.
fn judged(pdf: &[u8]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let [python, judge] = ["target/test-venv/bin/python", "tests/pdf_a.py"].map(|it| root.join(it));
    let said = tried(&python.to_string_lossy(), &[&judge.to_string_lossy(), "@"], pdf);
    assert!(!said.stdout.is_empty(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8_lossy(&said.stdout).trim().to_owned()
}

/// A PDF/A-2b file to a validator, and to whoever looks at its structure, metadata and fonts.
pub(crate) fn is_archivable(pdf: &[u8], title: &str) {
    assert_eq!(judged(pdf), "valid");
    assert!(ask("qpdf", &["--check", "@"], pdf).contains("No syntax or stream encoding errors"));
    let metadata = ask("pdfinfo", &["-meta", "@"], pdf).replace("&apos;", "'");
    for part in ["<pdfaid:part>2</pdfaid:part>", "<pdfaid:conformance>B</pdfaid:conformance>", title] {
        assert!(metadata.contains(part), "{part}: {metadata}");
    }
    let fonts = ask("pdffonts", &["@"], pdf);
    assert!(fonts.lines().count() > 2, "{fonts}");
    for font in fonts.lines().skip(2) {
        let embedded: Vec<&str> = font.split_whitespace().rev().take(5).collect();
        assert_eq!(embedded[2..], ["yes", "yes", "yes"], "embedded, a subset, with its letters: {font}");
    }
    let objects = ask("qpdf", &["--json", "@"], pdf);
    assert!(objects.contains("/GTS_PDFA1") && objects.contains("/DestOutputProfile"));
    for forbidden in ["/JavaScript", "/Encrypt", "/Launch", "/EmbeddedFiles", "/LZWDecode", "/AA\""] {
        assert!(!objects.contains(forbidden), "{forbidden}");
    }
}

/// How many points of a page have each colour, at 50 points an inch.
pub(crate) fn colours(pdf: &[u8], page: usize) -> BTreeMap<[u8; 3], usize> {
    let page = page.to_string();
    let picture = run("pdftoppm", &["-r", "50", "-f", &page, "-l", &page, "@"], pdf);
    // `P6 width height 255`, then three bytes for each point.
    let head: Vec<&[u8]> = picture.splitn(5, u8::is_ascii_whitespace).collect();
    let mut found = BTreeMap::new();
    for point in head[4].chunks_exact(3) {
        *found.entry([point[0], point[1], point[2]]).or_default() += 1;
    }
    found
}

#[test]
fn an_edition_is_of_a_layout_its_words_and_what_sets_it() {
    let all: BTreeSet<&str> = Layout::ALL.iter().map(|it| it.edition()).collect();
    assert_eq!(all.len(), Layout::ALL.len(), "two have one source, and other words: {all:?}");
    for layout in Layout::ALL {
        let edition = layout.edition();
        assert!(edition.starts_with(&format!("{}/", layout.name())), "{edition}");
        assert!(layout.source().contains("#let fit("), "what they have in common is part of each");
    }
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

/// MiB that this process has now, or (`VmHWM`) has had at most.
#[cfg(target_os = "linux")]
pub(crate) fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[cfg(target_os = "linux")]
#[test]
fn memory_stays_flat_over_many_documents() {
    let resident = || memory("VmRSS");
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
