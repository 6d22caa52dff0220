//! Who is probably registered twice.
//!
//! Rules, each a convention of this software, the surest first:
//! 1. the same codice fiscale: certain;
//! 2. two personal codes that differ: two people, whatever else is alike (a personal code proves itself, one letter mistyped
//!    does not give another valid one; a provisional code of digits may later become a personal one and proves nothing here);
//! 3. the same name and the same day of birth: likely;
//! 4. a name that is nearly the same and the same day of birth, or the same name and nearly the same day: possible.
//!
//! Names are compared without case, accents, marks and order ("D'Angelo Niccolò", "NICCOLO DANGELO"). Nearly the same is one
//! slip (a letter more, less, other, or two turned) in names of 4 letters or more, two in names of 10 or more: Anna and Anno,
//! but not Ada and Ida. Nearly the same day is one digit, or day and month turned.
//!
//! A program never merges: it shows the pair to somebody. Candidates are those who share a [`name_key`], a day of birth, or
//! a codice fiscale; rule 4 needs one of the first two.

use jiff::civil::Date;

use crate::notary::rules::fiscal_code::FiscalCode;

/// Names of so many letters may differ by one slip.
const ONE_SLIP_FROM: usize = 4;
/// Names of so many letters may differ by two.
const TWO_SLIPS_FROM: usize = 10;

/// What patients are compared by.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    /// First names.
    pub first_name: &'a str,
    /// Last names.
    pub last_name: &'a str,
    /// Day of birth.
    pub birth: Date,
    /// Codice fiscale, if it is known.
    pub fiscal_code: Option<&'a FiscalCode>,
}

/// Why two may be one; least sure first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Likeness {
    /// The same name, nearly the same day of birth.
    NameAndSimilarBirth,
    /// Nearly the same name, the same day of birth.
    SimilarNameAndBirth,
    /// The same name and day of birth.
    NameAndBirth,
    /// The same codice fiscale.
    FiscalCode,
}

impl Likeness {
    /// Stable word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NameAndSimilarBirth => "name_and_similar_birth",
            Self::SimilarNameAndBirth => "similar_name_and_birth",
            Self::NameAndBirth => "name_and_birth",
            Self::FiscalCode => "fiscal_code",
        }
    }
}

/// A name as it is compared and indexed: words without case, accents and marks, in alphabetical order.
pub fn name_key(first_name: &str, last_name: &str) -> String {
    let plain = deunicode::deunicode(&format!("{first_name} {last_name}")).to_lowercase();
    // "D'Angelo" is one word, "Anna-Maria" are two.
    let plain = plain.replace(['\'', '`'], "");
    let mut words: Vec<_> =
        plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words.join(" ")
}

/// Whether two names have a word in common, or one that is nearly the same: `Anna Maria` and `ANNA`, not `Ada` and `Bea`. Names
/// that have no letters of ours say nothing against it.
pub fn have_common_name(one: &str, other: &str) -> bool {
    let (one, other) = (name_key(one, ""), name_key(other, ""));
    let is_like = |a: &str, b: &str| a == b || is_similar_name(a, b);
    let any = one.split(' ').any(|a| other.split(' ').any(|b| is_like(a, b)));
    any || one.is_empty() || other.is_empty() || is_like(&one.replace(' ', ""), &other.replace(' ', ""))
}

/// Why two may be one, if they may.
pub fn likeness(a: &Person<'_>, b: &Person<'_>) -> Option<Likeness> {
    if let (Some(one), Some(other)) = (a.fiscal_code, b.fiscal_code) {
        if one == other {
            return Some(Likeness::FiscalCode);
        }
        if one.person().is_some() && other.person().is_some() {
            return None;
        }
    }
    let (one, other) = (name_key(a.first_name, a.last_name), name_key(b.first_name, b.last_name));
    // Names that have no letters of ours say nothing.
    if one.is_empty() || other.is_empty() {
        return None;
    }
    match (one == other, a.birth == b.birth) {
        (true, true) => Some(Likeness::NameAndBirth),
        (false, true) if is_similar_name(&one, &other) => Some(Likeness::SimilarNameAndBirth),
        (true, false) if is_similar_day(a.birth, b.birth) => Some(Likeness::NameAndSimilarBirth),
        _ => None,
    }
}

/// Every word has its counterpart: a slip in a first name may change its place in the alphabet.
fn is_similar_name(one: &str, other: &str) -> bool {
    // Always the same way round, so that two are as like as the other way round.
    let (one, other) = (one.min(other), one.max(other));
    let letters = one.len().min(other.len());
    let slips = match letters {
        TWO_SLIPS_FROM.. => 2,
        ONE_SLIP_FROM.. => 1,
        _ => 0,
    };
    if strsim::damerau_levenshtein(one, other) <= slips {
        return true;
    }
    let (ours, mut theirs): (Vec<_>, Vec<_>) = (one.split(' ').collect(), other.split(' ').collect());
    if ours.len() != theirs.len() {
        return false;
    }
    // What is the same is taken first, so that it is not used up by something similar.
    let ours: Vec<_> = ours
        .into_iter()
        .filter(|word| {
            let same = theirs.iter().position(|it| it == word);
            same.map(|at| theirs.remove(at)).is_none()
        })
        .collect();
    let mut rest = slips;
    ours.iter().all(|word| {
        let nearest = theirs
            .iter()
            .map(|it| strsim::damerau_levenshtein(word, it))
            .enumerate()
            .min_by_key(|(_, slips)| *slips);
        let Some((at, slips)) = nearest else { return false };
        theirs.remove(at);
        rest >= slips && {
            rest -= slips;
            true
        }
    })
}

fn is_similar_day(one: Date, other: Date) -> bool {
    let is_turned = one.year() == other.year() && one.month() == other.day() && one.day() == other.month();
    let (one, other) = (one.to_string(), other.to_string());
    let differing = one.bytes().zip(other.bytes()).filter(|(a, b)| a != b).count();
    is_turned || (one.len() == other.len() && differing <= 1)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn person<'a>(first_name: &'a str, last_name: &'a str, birth: Date) -> Person<'a> {
        Person { first_name, last_name, birth, fiscal_code: None }
    }

    const BIRTH: Date = date(1985, 12, 10);

    #[test]
    fn names_are_compared_without_case_accents_marks_and_order() {
        for (first, last) in [
            ("Niccolò", "D'Angelo"),
            ("NICCOLO'", "DANGELO"),
            ("d’angelo", "niccolo"),
            (" Niccolò ", "D`Angelo"),
        ] {
            assert_eq!(name_key(first, last), "dangelo niccolo");
        }
        assert_eq!(name_key("Anna-Maria", "Müller"), name_key("Anna Maria", "Muller"));
        assert_eq!(name_key("", " - "), "");
    }

    #[test]
    fn names_have_a_word_in_common_or_not() {
        for (one, other) in [
            ("Anna Maria", "ANNA"),
            ("De Luca", "DELUCA"),
            ("Rossi", "Rosi"),
            ("Niccolò", "NICCOLO'"),
            ("", "Ada"),
        ] {
            assert!(have_common_name(one, other) && have_common_name(other, one), "{one} {other}");
        }
        for (one, other) in [("Ada", "Bea"), ("Lam", "Verd"), ("Anna", "Giulia")] {
            assert!(!have_common_name(one, other) && !have_common_name(other, one), "{one} {other}");
        }
    }

    #[test]
    fn pairs_are_told_by_what_they_share() {
        let rossi = person("Maria", "Rossi", BIRTH);
        for (other, expected) in [
            (person("Rossi", "maria", BIRTH), Some(Likeness::NameAndBirth)),
            // "maria rossi" has eleven letters: two slips.
            (person("Mario", "Rossi", BIRTH), Some(Likeness::SimilarNameAndBirth)),
            (person("Maira", "Rosi", BIRTH), Some(Likeness::SimilarNameAndBirth)),
            (person("Mara", "Rosso", BIRTH), Some(Likeness::SimilarNameAndBirth)),
            (person("Marta", "Russo", BIRTH), None),
            (person("Zaria", "Rossi", BIRTH), Some(Likeness::SimilarNameAndBirth)),
            (person("Maria Anna", "Rossi", BIRTH), None),
            (person("Maria", "Rossi", date(1985, 10, 12)), Some(Likeness::NameAndSimilarBirth)),
            (person("Maria", "Rossi", date(1985, 12, 11)), Some(Likeness::NameAndSimilarBirth)),
            (person("Maria", "Rossi", date(1986, 12, 10)), Some(Likeness::NameAndSimilarBirth)),
            (person("Maria", "Rossi", date(1986, 12, 11)), None),
            (person("Mario", "Rossi", date(1985, 12, 11)), None),
        ] {
            assert_eq!(likeness(&rossi, &other), expected, "{other:?}");
        }
    }

    #[test]
    fn short_names_have_no_slips() {
        let ada = person("A", "Li", BIRTH);
        assert_eq!(
            likeness(&ada, &person("A", "Lo", BIRTH)),
            Some(Likeness::SimilarNameAndBirth),
            "four with the blank"
        );
        assert_eq!(likeness(&person("Ada", "", BIRTH), &person("Ida", "", BIRTH)), None);
        assert_eq!(
            likeness(&person("Anna", "", BIRTH), &person("Anno", "", BIRTH)),
            Some(Likeness::SimilarNameAndBirth)
        );
        assert_eq!(likeness(&person("", "", BIRTH), &person("", "", BIRTH)), None);
    }

    #[test]
    fn a_codice_fiscale_goes_before_everything() {
        let code = |text: &str| text.parse::<FiscalCode>().unwrap();
        let (one, other) = (code("RSSMRA85T10A562S"), code("CNTCHR83T41D969D"));
        let provisional = code("80078750587");
        let with = |person: Person<'static>, code| Person { fiscal_code: code, ..person };
        let rossi = person("Mario", "Rossi", BIRTH);
        let bianchi = person("Anna", "Bianchi", date(1970, 1, 1));
        for (a, b, expected) in [
            (with(rossi, Some(&one)), with(bianchi, Some(&one)), Some(Likeness::FiscalCode)),
            (with(rossi, Some(&one)), with(rossi, Some(&other)), None),
            (with(rossi, Some(&one)), with(rossi, Some(&provisional)), Some(Likeness::NameAndBirth)),
            (with(rossi, Some(&one)), with(rossi, None), Some(Likeness::NameAndBirth)),
        ] {
            assert_eq!(likeness(&a, &b), expected);
        }
    }

    proptest! {
        #[test]
        fn two_are_as_like_as_the_same_two_the_other_way_round(
            a in "[a-c]{0,6} [a-c]{0,6}", b in "[a-c]{0,6} [a-c]{0,6}", days in 0i8..3,
        ) {
            let (one, other) = (person(&a, "", BIRTH), person(&b, "", date(1985, 12, 10 + days)));
            let both = (likeness(&one, &other), likeness(&other, &one));
            prop_assert_eq!(both.0, both.1);
            let expected = (!name_key(&a, "").is_empty()).then_some(Likeness::NameAndBirth);
            prop_assert_eq!(likeness(&one, &one), expected);
        }
    }
}
