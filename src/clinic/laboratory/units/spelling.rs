//! Printed units: `mUI/mL`, `10^6/mL`, `mln/ml`, `µg/L`, `g/100 ml`, `/mmc`, `mg%`.
//!
//! A unit is a count (a power of ten or a word for it), or a prefix and a base, by a volume. What is not understood to
//! its end is no unit: `mg/kg` is not mg.

use super::{Dimension, Unit, arbitrary};
use crate::clinic::laboratory::decimal::Factor;

/// No unit is longer.
const BYTES_MAX: usize = 24;

/// Powers of ten as words, longest first.
const MULTITUDES: [(&str, i32); 16] = [
    ("milioni", 6),
    ("millions", 6),
    ("million", 6),
    ("migliaia", 3),
    ("thousands", 3),
    ("thousand", 3),
    ("migl", 3),
    ("mila", 3),
    ("mill", 6),
    ("mln", 6),
    ("mil", 6),
    ("mio", 6),
    ("thou", 3),
    ("tys", 3),
    ("k", 3),
    ("m", 6),
];

/// Volumes that are divided by: spelling, UCUM, litres as a power of ten.
const VOLUMES: [(&str, &str, i32); 19] = [
    ("100ml", "dL", -1),
    ("100 ml", "dL", -1),
    ("microl", "uL", -6),
    ("mcl", "uL", -6),
    ("mm^3", "mm3", -6),
    ("mm3", "mm3", -6),
    ("mmc", "mm3", -6),
    ("cmm", "mm3", -6),
    ("cc", "cm3", -3),
    ("ml", "mL", -3),
    ("dl", "dL", -1),
    ("ul", "uL", -6),
    ("nl", "nL", -9),
    // As a scan is read; none can be anything else below the line.
    ("m1", "mL", -3),
    ("mi", "mL", -3),
    ("d1", "dL", -1),
    ("di", "dL", -1),
    ("hl", "uL", -6),
    ("l", "L", 0),
];

/// Prefixes, longest first: spelling, UCUM, power of ten.
const PREFIXES: [(&str, &str, i32); 10] = [
    ("micro", "u", -6),
    ("mc", "u", -6),
    ("m", "m", -3),
    ("u", "u", -6),
    ("n", "n", -9),
    ("p", "p", -12),
    ("f", "f", -15),
    ("k", "k", 3),
    ("d", "d", -1),
    ("", "", 0),
];

/// What is by volume: spelling, UCUM, dimension, whether it is a bare U.
const BASES: [(&str, &str, Dimension, bool); 14] = [
    ("mol", "mol", Dimension::Amount, false),
    ("gr", "g", Dimension::Mass, false),
    ("g", "g", Dimension::Mass, false),
    ("u.i.", "[IU]", Dimension::Activity, false),
    ("i.u.", "[IU]", Dimension::Activity, false),
    ("ui", "[IU]", Dimension::Activity, false),
    ("iu", "[IU]", Dimension::Activity, false),
    // As a scan is read: nobody divides a volume by a volume.
    ("ul", "[IU]", Dimension::Activity, false),
    ("lu", "[IU]", Dimension::Activity, false),
    ("u i", "[IU]", Dimension::Activity, false),
    ("i u", "[IU]", Dimension::Activity, false),
    ("au", "[arb'U]", Dimension::Arbitrary, false),
    ("ru", "[arb'U]", Dimension::Arbitrary, false),
    ("u", "[IU]", Dimension::Activity, true),
];

/// What stands alone: spelling, UCUM, dimension, power of ten.
const WHOLE: [(&str, &str, Dimension, i32); 21] = [
    ("mmol/mol", "mmol/mol", Dimension::AmountFraction, -3),
    ("l/l", "L/L", Dimension::Fraction, 0),
    ("mg%", "mg/dL", Dimension::Mass, -2),
    ("g%", "g/dL", Dimension::Mass, 1),
    ("%", "%", Dimension::Fraction, -2),
    ("s/co", "{S/CO}", Dimension::Index, 0),
    ("index", "{index}", Dimension::Index, 0),
    ("indice", "{index}", Dimension::Index, 0),
    ("coi", "{index}", Dimension::Index, 0),
    ("minuti", "min", Dimension::Time, 0),
    ("minutes", "min", Dimension::Time, 0),
    ("mins", "min", Dimension::Time, 0),
    ("min", "min", Dimension::Time, 0),
    ("cm3", "cm3", Dimension::Volume, -3),
    ("cc", "cm3", Dimension::Volume, -3),
    ("ml", "mL", Dimension::Volume, -3),
    ("fl", "fL", Dimension::Volume, -15),
    ("pg", "pg", Dimension::CellMass, -12),
    ("mm", "mm", Dimension::Length, -3),
    ("cm", "cm", Dimension::Length, -2),
    ("um3", "um3", Dimension::Volume, -15),
];

/// Longer times: spelling, UCUM, minutes.
const TIMES: [(&str, &str, u64); 8] = [
    ("giorni", "d", 1440),
    ("giorno", "d", 1440),
    ("days", "d", 1440),
    ("day", "d", 1440),
    ("gg", "d", 1440),
    ("hours", "h", 60),
    ("ore", "h", 60),
    ("hrs", "h", 60),
];

/// Things counted in an ejaculate as a whole.
const EJACULATES: [&str; 4] = ["eiaculato", "ejaculate", "eiac.", "eiac"];

/// The unit at the beginning of a text and how many bytes it has.
pub fn read(text: &str) -> Option<(Unit, usize)> {
    let folded = Folded::of(text);
    let rest = folded.text.as_str();
    let found = [counted, standing_alone, longer_time, by_volume].into_iter().filter_map(|rule| rule(rest));
    let (unit, length) = found.max_by_key(|(_, length)| *length)?;
    Some((unit, folded.original_length(length)))
}

/// A unit by its UCUM code: the one way back from what is stored and exchanged.
pub fn read_code(ucum: &str) -> Option<Unit> {
    let printed = match ucum {
        "d" => "days".to_owned(),
        "h" => "hours".to_owned(),
        _ => ucum.replace("[IU]", "IU").replace("[arb'U]", "AU").replace(['{', '}'], ""),
    };
    let (unit, length) = read(&printed)?;
    (unit.ucum == ucum && length == printed.len()).then_some(unit)
}

/// How a scan is read where a power was printed: `1079/L` and `10°9/L` are 10^9/L.
const SUNKEN_SIGNS: [char; 8] = ['7', '°', '*', '^', '\'', '"', '!', '%'];

/// `106/µL`: what is left of 10⁶/µL where the text of a PDF has lost that the 6 was raised, or `1076/µL`, where its sign was
/// misread. It can be a number, too, so the caller must know that it stands where a unit stands.
pub fn read_flattened(text: &str) -> Option<(Unit, usize)> {
    let times =
        text.strip_prefix(['x', '×']).map_or(0, |it| text.len() - it.strip_prefix(' ').unwrap_or(it).len());
    let rest = text[times..].strip_prefix("10")?;
    let misread = rest.strip_prefix(SUNKEN_SIGNS).map(|it| it.strip_prefix(' ').unwrap_or(it));
    let (power, from) = [Some(rest), misread].into_iter().flatten().find_map(|rest| {
        let power = ["3/", "6/", "9/", "12/"].into_iter().find(|it| rest.starts_with(it))?;
        Some((power, text.len() - rest.len()))
    })?;
    let after = &text[from + power.len() - 1..];
    let digits = power.trim_end_matches('/');
    let raised = format!("10^{digits}{}", &after[..after.floor_char_boundary(BYTES_MAX)]);
    let (unit, length) = read(&raised)?;
    Some((unit, from + length - "10^".len()))
}

/// The beginning of a text in small letters, without the many ways of writing µ and powers.
struct Folded {
    text: String,
    /// For each byte of the text, where the original letter ends.
    ends: Vec<usize>,
}

impl Folded {
    fn of(text: &str) -> Self {
        let mut folded = Self { text: String::with_capacity(BYTES_MAX), ends: Vec::with_capacity(BYTES_MAX) };
        let mut was_raised = false;
        for (at, letter) in text.char_indices().take_while(|(at, _)| *at < BYTES_MAX) {
            let end = at + letter.len_utf8();
            let raised = superscript(letter);
            match letter {
                'µ' | 'μ' => folded.push("u", end),
                '×' | '✕' => folded.push("x", end),
                _ if raised.is_some() => {
                    let is_volume = ["mm", "cm", "um"].iter().any(|it| folded.text.ends_with(it));
                    if !was_raised && !is_volume && !folded.text.ends_with('^') {
                        folded.push("^", end);
                    }
                    folded.push(raised.unwrap_or_default(), end);
                }
                _ => letter.to_lowercase().for_each(|it| folded.push(it.encode_utf8(&mut [0; 4]), end)),
            }
            was_raised = raised.is_some();
        }
        folded
    }

    fn push(&mut self, text: &str, end: usize) {
        self.text.push_str(text);
        self.ends.extend(text.bytes().map(|_| end));
    }

    fn original_length(&self, length: usize) -> usize {
        length.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or_default()
    }
}

/// The figure that is raised.
const fn superscript(letter: char) -> Option<&'static str> {
    Some(match letter {
        '⁰' => "0",
        '¹' => "1",
        '²' => "2",
        '³' => "3",
        '⁴' => "4",
        '⁵' => "5",
        '⁶' => "6",
        '⁷' => "7",
        '⁸' => "8",
        '⁹' => "9",
        _ => return None,
    })
}

/// Whether a unit may end here.
fn ends(text: &str, at: usize) -> bool {
    !text[at..].starts_with(|c: char| c.is_alphanumeric() || "/^%*".contains(c))
}

fn unit(ucum: String, dimension: Dimension, size: Factor) -> Unit {
    Unit { ucum, dimension, size, has_no_standard: false }
}

/// `/` or `per`, with blanks around it.
fn divided(text: &str) -> Option<usize> {
    let trimmed = text.trim_start_matches(' ');
    let rest = trimmed.strip_prefix('/').or_else(|| trimmed.strip_prefix("per "))?;
    Some(text.len() - rest.trim_start_matches(' ').len())
}

/// A volume below the line: UCUM, power of ten, where it ends.
fn volume(text: &str, from: usize) -> Option<(&'static str, i32, usize)> {
    let from = from + divided(&text[from..])?;
    let (spelling, ucum, power) = VOLUMES.into_iter().find(|(it, ..)| text[from..].starts_with(it))?;
    let at = from + spelling.len();
    ends(text, at).then_some((ucum, power, at))
}

/// `x10^9`, `10*6`, `10e3`, `mln`, `K`, or nothing before `/mmc`: the power and where it ends.
fn multitude(text: &str) -> Option<(i32, usize)> {
    let times = text.trim_start_matches('x').trim_start_matches([' ', '*']);
    if let Some(power) = times.strip_prefix("10") {
        let power = power.trim_start_matches(['^', '*', 'e']);
        let digits = power.len() - power.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let has_sign = times.len() - power.len() > 2;
        let number = power[..digits].parse().ok().filter(|it| (1..=12).contains(it));
        return number.filter(|_| has_sign && digits <= 2).map(|it| (it, text.len() - power.len() + digits));
    }
    // `mln/ml` as a scan is read: no time is divided by a volume.
    if text.starts_with("min/") {
        return Some((6, "min".len()));
    }
    let word = MULTITUDES.into_iter().find(|(it, _)| text.starts_with(it));
    word.map(|(it, power)| (power, it.len())).or_else(|| text.starts_with('/').then_some((0, 0)))
}

/// Cells by volume, in an ejaculate, or alone.
fn counted(text: &str) -> Option<(Unit, usize)> {
    let (power, at) = multitude(text)?;
    let count = if power == 0 { String::new() } else { format!("10*{power}") };
    if let Some((below, litres, end)) = volume(text, at) {
        let size = Factor::power(power - litres);
        return Some((unit(format!("{count}/{below}"), Dimension::Count, size), end));
    }
    let whole = unit(count, Dimension::Number, Factor::power(power));
    if let Some(below) = divided(&text[at..]) {
        let from = at + below;
        let ejaculate = EJACULATES.into_iter().find(|it| text[from..].starts_with(it))?;
        return Some((whole, from + ejaculate.len())).filter(|_| power > 0);
    }
    // A letter alone is a flag or an initial, never a multitude.
    (at > 1 && power > 0 && ends(text, at)).then_some((whole, at))
}

fn standing_alone(text: &str) -> Option<(Unit, usize)> {
    let (spelling, ucum, dimension, power) =
        WHOLE.into_iter().find(|(it, ..)| text.starts_with(it) && ends(text, it.len()))?;
    Some((unit(ucum.to_owned(), dimension, Factor::power(power)), spelling.len()))
}

fn longer_time(text: &str) -> Option<(Unit, usize)> {
    let (spelling, ucum, minutes) =
        TIMES.into_iter().find(|(it, ..)| text.starts_with(it) && ends(text, it.len()))?;
    let size = Factor { numerator: minutes, denominator: 1, exponent: 0 };
    Some((unit(ucum.to_owned(), Dimension::Time, size), spelling.len()))
}

/// Mass, amount or activity by volume.
fn by_volume(text: &str) -> Option<(Unit, usize)> {
    for (prefix, prefix_ucum, prefix_power) in PREFIXES.into_iter().filter(|(it, ..)| text.starts_with(it)) {
        let after = &text[prefix.len()..];
        for (base, base_ucum, dimension, has_no_standard) in
            BASES.into_iter().filter(|(it, ..)| after.starts_with(it))
        {
            if let Some((below, litres, end)) = volume(text, prefix.len() + base.len()) {
                let size = Factor::power(prefix_power - litres);
                let mut ucum = format!("{prefix_ucum}{base_ucum}/{below}");
                if dimension == Dimension::Arbitrary {
                    ucum = arbitrary(ucum, size)?;
                }
                return Some((Unit { ucum, dimension, size, has_no_standard }, end));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_units_have_a_code() {
        for (printed, ucum) in [
            ("mUI/mL", "m[IU]/mL"),
            ("mIU/ml", "m[IU]/mL"),
            ("µUI/mL", "u[IU]/mL"),
            ("μU/mL", "u[IU]/mL"),
            ("microIU/mL", "u[IU]/mL"),
            ("U.I./L", "[IU]/L"),
            ("ng/mL", "ng/mL"),
            ("NG/ML", "ng/mL"),
            ("mcg/dL", "ug/dL"),
            ("µg/L", "ug/L"),
            ("pmol/L", "pmol/L"),
            ("g/100 ml", "g/dL"),
            ("g/100ml", "g/dL"),
            ("gr/dl", "g/dL"),
            ("mg%", "mg/dL"),
            ("%", "%"),
            ("10^6/mL", "10*6/mL"),
            ("x10^9/L", "10*9/L"),
            ("x 10^9/L", "10*9/L"),
            ("10*3/uL", "10*3/uL"),
            ("10⁹/L", "10*9/L"),
            ("10e6/ml", "10*6/mL"),
            ("10³/µL", "10*3/uL"),
            ("x 10⁶/mL", "10*6/mL"),
            ("x10¹²/L", "10*12/L"),
            ("×10⁶/mL", "10*6/mL"),
            ("×10⁹/L", "10*9/L"),
            ("× 10¹²/L", "10*12/L"),
            ("cm³", "cm3"),
            ("µm³", "um3"),
            ("kAU/L", "[arb'U]/mL"),
            ("mln/ml", "10*6/mL"),
            ("milioni / ml", "10*6/mL"),
            ("mio/mL", "10*6/mL"),
            ("K/uL", "10*3/uL"),
            ("M/µL", "10*6/uL"),
            ("migl/mmc", "10*3/mm3"),
            ("/mmc", "/mm3"),
            ("/mm³", "/mm3"),
            ("/µL", "/uL"),
            ("10^6/eiaculato", "10*6"),
            ("million", "10*6"),
            ("mL", "mL"),
            ("cc", "cm3"),
            ("fL", "fL"),
            ("pg", "pg"),
            ("mmol/mol", "mmol/mol"),
            ("L/L", "L/L"),
            ("S/CO", "{S/CO}"),
            ("giorni", "d"),
            ("AU/mL", "[arb'U]/mL"),
            ("Ul/m1", "[IU]/mL"),
            ("MUI/MI", "m[IU]/mL"),
            ("uU I/mL", "u[IU]/mL"),
            ("mIn/ml", "10*6/mL"),
            ("min/eiaculato", "10*6"),
            ("min", "min"),
        ] {
            let (unit, length) = read(printed).unwrap_or_else(|| panic!("{printed} is not understood"));
            assert_eq!(unit.ucum(), ucum, "{printed}");
            assert_eq!(length, printed.len(), "{printed}");
            let (_, length) = read(&format!("{printed}  3,5 - 12,5")).unwrap();
            assert_eq!(length, printed.len(), "{printed} with something behind it");
            assert_eq!(read_code(ucum).map(|it| it.size), Some(unit.size), "{ucum} is understood, too");
        }
    }

    #[test]
    fn what_is_not_understood_to_its_end_is_no_unit() {
        for printed in [
            "mg/kg",
            "H",
            "L",
            "M",
            "K",
            "m",
            "10",
            "10 - 20",
            "10^",
            "1073/uL",
            "U",
            "mUI",
            "ng",
            "mmHg",
            "g/l/h",
            "",
            "µ",
            "min/giorno",
            "mAU/L",
        ] {
            assert_eq!(read(printed).map(|it| it.0.ucum), None, "{printed}");
        }
    }

    #[test]
    fn only_codes_are_codes() {
        for text in ["mIU/mL", "NG/ML", "mln/mL", "ng/mL ", "", "mg/kg", "MMOL/L"] {
            assert_eq!(read_code(text), None, "{text}");
        }
    }

    #[test]
    fn a_raised_figure_may_have_sunk() {
        let flattened = |text| read_flattened(text).map(|(unit, length)| (unit.ucum, length));
        assert_eq!(flattened("106/µL  4 - 5"), Some(("10*6/uL".to_owned(), 7)));
        assert_eq!(flattened("1012/L"), Some(("10*12/L".to_owned(), 6)));
        assert_eq!(flattened("x109/L"), Some(("10*9/L".to_owned(), 6)));
        assert_eq!(flattened("x1079/L  4 - 11"), Some(("10*9/L".to_owned(), 7)));
        assert_eq!(flattened("10712/L"), Some(("10*12/L".to_owned(), 7)));
        assert_eq!(flattened("10° 6/mL"), Some(("10*6/mL".to_owned(), 9)));
        assert_eq!(flattened("x 106/mL"), Some(("10*6/mL".to_owned(), 8)));
        assert_eq!(flattened("107/µL"), None);
        assert_eq!(flattened("1075/µL"), None);
        assert_eq!(flattened("106 µL"), None);
        assert_eq!(flattened("106/è"), None);
    }

    #[test]
    fn sizes_are_exact() {
        let size = |printed: &str| read(printed).unwrap().0.size();
        assert_eq!(size("ng/mL"), Factor::power(-6));
        assert_eq!(size("µg/L"), size("ng/mL"));
        assert_eq!(size("µg/dL"), Factor::power(-5));
        assert_eq!(size("10^6/mL"), size("10^9/L"));
        assert_eq!(size("mln/mL"), Factor::power(9));
        assert_eq!(size("/mmc"), Factor::power(6));
        assert_eq!(size("mIU/mL"), size("IU/L"));
    }
}
