//! A hysteroscopy: what stands below its heading, statement by statement.
//!
//! A statement names one thing (polyp, myoma, adhesions, indentation, endometrium, cavity, ostia) and says of it that it is
//! there, with its size or class, or that it is not. A thing of which some statement is not understood, or two contradict each
//! other, is taken as not described: what else was there is not known. A myoma needs its FIGO type, a septum that is absent does
//! not say that the fundus is even.

use super::{At, Days, Described, Descriptions, Row, Token};
use crate::clinic::{
    analyses::Input,
    rules::hysteroscopy::{Adhesions, Endometrium, EsgeGrade, Hysteroscopy, Myoma, Polyp},
    values::Place,
};

const NAME: [&str; 2] = ["isteroscopia", "hysteroscopy"];
const HEADING: [&str; 18] = [
    "referto",
    "report",
    "esame",
    "di",
    "of",
    "del",
    "data",
    "date",
    "diagnostica",
    "diagnostic",
    "operativa",
    "operative",
    "ambulatoriale",
    "office",
    "esito",
    "result",
    "findings",
    "the",
];
const NOT: [&str; 10] =
    ["no", "nessun", "nessuno", "nessuna", "non", "senza", "without", "assente", "assenti", "absent"];
const POLYPS: [&str; 4] = ["polipo", "polyp", "polipi", "polyps"];
const MYOMAS: [&str; 8] = ["mioma", "myoma", "fibroma", "fibroid", "miomi", "myomas", "fibromi", "fibroids"];
const ADHESIONS: [&str; 8] =
    ["sinechia", "sinechie", "aderenza", "aderenze", "adhesion", "adhesions", "synechia", "synechiae"];
const INDENTATION: [&str; 4] = ["indentazione", "indentation", "setto", "septum"];
const ENDOMETRIUM: [&str; 4] = ["endometrio", "endometrium", "iperplasia", "hyperplasia"];
const CAVITY: [&str; 2] = ["cavita", "cavity"];
const OSTIA: [&str; 2] = ["osti", "ostia"];
const MANY: [&str; 6] = ["polipi", "polyps", "miomi", "myomas", "fibromi", "fibroids"];
/// Words that say where something is, or nothing.
const NEUTRAL: [&str; 50] = [
    "si",
    "di",
    "del",
    "della",
    "dello",
    "da",
    "in",
    "a",
    "the",
    "of",
    "with",
    "con",
    "un",
    "una",
    "uno",
    "e",
    "and",
    "presente",
    "presenti",
    "present",
    "presenza",
    "singolo",
    "single",
    "sessile",
    "peduncolato",
    "pedunculated",
    "endometriale",
    "endometrial",
    "uterino",
    "uterina",
    "uterine",
    "intrauterine",
    "intrauterina",
    "sottomucoso",
    "submucous",
    "corpo",
    "fondo",
    "fundus",
    "fundal",
    "parete",
    "wall",
    "anteriore",
    "anterior",
    "posteriore",
    "posterior",
    "diametro",
    "diameter",
    "mm",
    "cm",
    "x",
];

/// What a statement is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thing {
    Polyps,
    Myomas,
    Adhesions,
    Indentation,
    Endometrium,
    Cavity,
    Ostia,
}

const THINGS: [(Thing, &[&str]); 7] = [
    (Thing::Polyps, &POLYPS),
    (Thing::Myomas, &MYOMAS),
    (Thing::Adhesions, &ADHESIONS),
    (Thing::Indentation, &INDENTATION),
    (Thing::Endometrium, &ENDOMETRIUM),
    (Thing::Cavity, &CAVITY),
    (Thing::Ostia, &OSTIA),
];

/// What is said of it.
#[derive(Clone, Copy, PartialEq)]
enum Said {
    None,
    Polyp(Polyp),
    Myoma(Myoma),
    Adhesions(Option<EsgeGrade>),
    Indented,
    /// A septum that is not there.
    Nothing,
    Endometrium(Endometrium),
    Seen,
}

pub(super) fn read(rows: &[Row<'_>], days: Days, all: &mut Descriptions) {
    let Some(at) = rows.iter().position(is_heading) else { return };
    let mut said: Vec<(Thing, Option<Said>)> = Vec::new();
    let mut places: Vec<Place> = Vec::new();
    for row in &rows[at + 1..] {
        for part in row.tokens.split(|it| it.is_sign(&[';', '.'])).flat_map(statements) {
            for thing in things(part) {
                let understood = statement(part, thing);
                match (understood, part) {
                    (Some(_), [first, .., last]) => places.push(row.place(first, last)),
                    (Some(_), [only]) => places.push(row.place(only, only)),
                    _ => all.unread.push((row.page, row.number)),
                }
                said.push((thing, understood));
            }
        }
    }
    let of = |thing| -> Vec<Option<Said>> {
        said.iter()
            .filter(|it| it.0 == thing)
            .map(|it| it.1)
            .filter(|it| *it != Some(Said::Nothing))
            .collect()
    };
    let seen = seen(of);
    if seen == Hysteroscopy::default() {
        return;
    }
    all.found.push(Described {
        item: String::new(),
        label: String::new(),
        day: rows[at].day().or(days.document),
        places,
        input: Some(Input::Hysteroscopy(seen)),
    });
}

/// `Isteroscopia diagnostica del 12/03/2026`.
fn is_heading(row: &Row<'_>) -> bool {
    let is_known = |it: &At<'_>| match it.token {
        Token::Word(word, _) => NAME.contains(&word) || HEADING.contains(&word),
        Token::Sign(sign) => matches!(sign, ':' | '-' | '–' | '.' | '='),
        Token::Day(_) => true,
        Token::Number(_) | Token::Other => false,
    };
    row.has(&NAME) && row.tokens.iter().all(is_known)
}

/// Things that a part of a line names.
fn things<'t>(part: &'t [At<'_>]) -> impl Iterator<Item = Thing> + 't {
    let names = |words: &[&str]| part.iter().any(|it| it.is_one_of(words));
    // How thick the endometrium is, is a value of its own.
    let is_measure = |thing| thing == Thing::Endometrium && part.iter().any(|it| it.number().is_some());
    THINGS
        .iter()
        .filter(move |(_, words)| names(words))
        .map(|(thing, _)| *thing)
        .filter(move |it| !is_measure(*it))
}

/// The statements of a sentence. A comma ends one if the next one names a thing of its own; unless a `non` before it may be meant
/// for both (`non polipi, aderenze`): then it is one statement of two things, and not understood.
fn statements<'t, 'l>(sentence: &'t [At<'l>]) -> Vec<&'t [At<'l>]> {
    let says_not = |part: &[At<'_>]| part.iter().any(|it| it.is_one_of(&NOT));
    let (mut parts, mut start): (Vec<&[At<'_>]>, usize) = (Vec::new(), 0);
    for (at, _) in sentence.iter().enumerate().filter(|(_, it)| it.is_sign(&[','])) {
        let next = &sentence[at + 1..];
        let next = next.split(|it| it.is_sign(&[','])).next().unwrap_or_default();
        if things(next).next().is_some() && things(&sentence[start..at]).next().is_some() {
            parts.push(&sentence[start..at]);
            start = at + 1;
        }
    }
    parts.push(&sentence[start..]);
    if says_not(sentence) && !parts.iter().all(|it| says_not(it)) { vec![sentence] } else { parts }
}

/// What a statement says of its one thing; nothing, if something else stands in it.
fn statement(part: &[At<'_>], thing: Thing) -> Option<Said> {
    if things(part).count() > 1 {
        return None;
    }
    let is_not = part.iter().any(|it| it.is_one_of(&NOT));
    let mut left: Vec<&At<'_>> = Vec::new();
    for it in part {
        let is_name = THINGS.iter().any(|(_, words)| it.is_one_of(words));
        let is_plain = is_name
            || it.is_one_of(&NOT)
            || it.is_sign(&[':', ',', '(', ')', '-', '–'])
            || it.is_one_of(&NEUTRAL);
        if !is_plain || (thing == Thing::Myomas && it.is_sign(&['-', '–'])) {
            left.push(it);
        }
    }
    let is_many = part.iter().any(|it| it.is_one_of(&MANY));
    match thing {
        Thing::Polyps | Thing::Myomas | Thing::Adhesions if is_not => left.is_empty().then_some(Said::None),
        Thing::Indentation if is_not => {
            let is_septum = part.iter().any(|it| it.is_one_of(&["setto", "septum"]));
            left.is_empty().then_some(if is_septum { Said::Nothing } else { Said::None })
        }
        _ if is_not || is_many => None,
        Thing::Polyps => Some(Said::Polyp(Polyp { size_mm: size(part, &left).ok()? })),
        Thing::Myomas => myoma(part, &left),
        Thing::Adhesions => adhesions(&left),
        Thing::Indentation => left.is_empty().then_some(Said::Indented),
        Thing::Endometrium => endometrium(part, &left),
        Thing::Cavity => is_only(
            &left,
            &["completamente", "interamente", "completely", "entirely", "fully"],
            &["esplorata", "visualizzata", "explored", "visualised", "visualized"],
        ),
        Thing::Ostia => is_only(
            &left,
            &["entrambi", "both"],
            &["visualizzati", "visibili", "visualised", "visualized", "visible", "seen", "tubarici", "tubal"],
        )
        .filter(|_| left.iter().any(|it| !it.is_one_of(&["entrambi", "both", "tubarici", "tubal"]))),
    }
}

/// One of the first words and one of the others, and no more kinds of words.
fn is_only(left: &[&At<'_>], how: &[&str], what: &[&str]) -> Option<Said> {
    let has = |words: &[&str]| left.iter().any(|it| it.is_one_of(words));
    let is_all = left.iter().all(|it| it.is_one_of(how) || it.is_one_of(what));
    (is_all && has(how) && has(what)).then_some(Said::Seen)
}

/// A figure that is no size.
struct Unclear;

/// The largest of `12 mm`, `1,2 cm`, `12 x 8 mm`; none, if none is printed.
fn size(part: &[At<'_>], left: &[&At<'_>]) -> Result<Option<f64>, Unclear> {
    let numbers: Vec<f64> = left.iter().map(|it| it.number()).collect::<Option<_>>().ok_or(Unclear)?;
    let units = |word: &str| part.iter().filter(|it| it.is_one_of(&[word])).count();
    let factor = match (units("mm"), units("cm")) {
        (1, 0) => 1.0,
        (0, 1) => 10.0,
        (0, 0) if numbers.is_empty() => return Ok(None),
        _ => return Err(Unclear),
    };
    // Two figures are one size only with a cross between them.
    if numbers.is_empty() || units("x") + 1 != numbers.len() {
        return Err(Unclear);
    }
    Ok(numbers.into_iter().reduce(f64::max).map(|it| it * factor))
}

/// `mioma FIGO 1 di 25 mm`, `myoma FIGO 2-5, 30 mm` in one statement.
fn myoma(part: &[At<'_>], left: &[&At<'_>]) -> Option<Said> {
    let at = left.iter().position(|it| it.is_one_of(&["figo"]))?;
    let mut next = at + 1;
    while left.get(next).is_some_and(|it| it.is_one_of(&["tipo", "type", "grado", "grade"])) {
        next += 1;
    }
    let figo = left.get(next)?.whole().filter(|it| *it <= 8)?;
    let is_hybrid = left.get(next + 1).is_some_and(|it| it.is_sign(&['-', '–']) && it.is_attached);
    let figo_serosa = if is_hybrid { Some(left.get(next + 2)?.whole()?) } else { None };
    let end = if is_hybrid { next + 3 } else { next + 1 };
    let is_dash = |it: &&&At<'_>| it.is_sign(&['-', '–']);
    let rest: Vec<&At<'_>> =
        left[..at].iter().chain(&left[end..]).filter(|it| !is_dash(it)).copied().collect();
    Some(Said::Myoma(Myoma { figo, figo_serosa, size_mm: size(part, &rest).ok()? }))
}

/// With the grade of the European Society of Hysteroscopy, or without.
fn adhesions(left: &[&At<'_>]) -> Option<Said> {
    let mut left: Vec<_> = left.iter().filter(|it| !it.is_one_of(&["grado", "grade"])).collect();
    if left.is_empty() {
        return Some(Said::Adhesions(None));
    }
    left.first().filter(|it| it.is_one_of(&["esh", "esge"]))?;
    let grade = left.pop()?;
    let Token::Word(_, printed) = grade.token else { return None };
    let grade = match printed {
        "I" => EsgeGrade::I,
        "II" => EsgeGrade::II,
        "IIa" => EsgeGrade::IIa,
        "III" => EsgeGrade::III,
        "IIIa" => EsgeGrade::IIIa,
        "IIIb" => EsgeGrade::IIIb,
        "IV" => EsgeGrade::IV,
        _ => return None,
    };
    (left.len() == 1).then_some(Said::Adhesions(Some(grade)))
}

fn endometrium(part: &[At<'_>], left: &[&At<'_>]) -> Option<Said> {
    let [only] = left else { return None };
    let is_suspected = only.is_one_of(&["sospetta", "sospetto", "suspected"]);
    let names_hyperplasia = part.iter().any(|it| it.is_one_of(&["iperplasia", "hyperplasia"]));
    Some(Said::Endometrium(match (names_hyperplasia, is_suspected) {
        (true, true) => Endometrium::SuspectedHyperplasia,
        (false, false) if only.is_one_of(&["regolare", "regular", "normale", "normal"]) => {
            Endometrium::Regular
        }
        (false, false) if only.is_one_of(&["atrofico", "atrophic"]) => Endometrium::Atrophic,
        _ => return None,
    }))
}

/// All statements together, by their things.
fn seen(of: impl Fn(Thing) -> Vec<Option<Said>>) -> Hysteroscopy {
    // Of each thing either that it is not there, or what is; both, or something that is not understood, is nothing.
    let said = |thing| -> Option<Vec<Said>> {
        let said: Vec<Said> = of(thing).into_iter().collect::<Option<_>>()?;
        let is_none = said.contains(&Said::None);
        (!said.is_empty() && (!is_none || said.iter().all(|it| *it == Said::None))).then_some(said)
    };
    let only = |thing| said(thing).filter(|it| it.windows(2).all(|two| two[0] == two[1])).map(|it| it[0]);
    let polyps = said(Thing::Polyps).map(|all| {
        let polyp = |it| if let Said::Polyp(polyp) = it { Some(polyp) } else { None };
        all.into_iter().filter_map(polyp).collect()
    });
    let myomas = said(Thing::Myomas).map(|all| {
        let myoma = |it| if let Said::Myoma(myoma) = it { Some(myoma) } else { None };
        all.into_iter().filter_map(myoma).collect()
    });
    let adhesions = only(Thing::Adhesions);
    let grade = if let Some(Said::Adhesions(grade)) = adhesions { grade } else { None };
    let is_complete = only(Thing::Cavity).is_some() && only(Thing::Ostia).is_some();
    Hysteroscopy {
        is_complete: is_complete.then_some(true),
        polyps,
        myomas,
        has_adhesions: adhesions.map(|it| it != Said::None),
        adhesions: grade.map(|esge| Adhesions { extent: None, kind: None, menses: None, esge: Some(esge) }),
        has_indentation: only(Thing::Indentation).map(|it| it == Said::Indented),
        septum: None,
        endometrium: match only(Thing::Endometrium) {
            Some(Said::Endometrium(it)) => Some(it),
            _ => None,
        },
        endometritis_signs: None,
    }
}
