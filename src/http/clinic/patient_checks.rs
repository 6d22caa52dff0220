//! Whether what a clinic says of a patient can be right.

use jiff::civil::Date;

use crate::{
    clinic::{
        patients::{Content, History, Lifestyle, Sex, Smoking, content::NOTES_MAX},
        rules::patient::{
            birth::{BirthError, age},
            mrn::Mrn,
        },
    },
    http::{
        notary::checks::{email, line},
        problem::Problem,
        validate::Checks,
    },
    notary::rules::fiscal_code::FiscalCode,
};

/// The content with its texts trimmed and its numbers as they are stored, or every field that is wrong. A record that is
/// changed has a number already.
pub(super) fn checked(content: Content, has_number: bool, today: Date) -> Result<Content, Problem> {
    let mut checks = Checks::default();
    let it = &mut checks;
    if has_number && content.medical_record_number.is_none() {
        it.fail("/medical_record_number", "required", "must not be null");
    }
    let checked = Content {
        medical_record_number: mrn(it, content.medical_record_number),
        first_name: it.line("/first_name", &content.first_name, 1..=100).to_owned(),
        last_name: it.line("/last_name", &content.last_name, 1..=100).to_owned(),
        fiscal_code: fiscal_code(it, content.fiscal_code, content.born_on),
        email: email(it, "/email", content.email),
        phone: line(it, "/phone", content.phone, 5..=20),
        insurance: line(it, "/insurance", content.insurance, 1..=200),
        referring_physician: line(it, "/referring_physician", content.referring_physician, 1..=200),
        notes: it.text("/notes", &content.notes, 0..=NOTES_MAX).to_owned(),
        ..content
    };
    born(it, checked.born_on, today);
    lifestyle(it, &checked.lifestyle);
    history(it, &checked.history, (checked.sex, checked.born_on), today);
    checks.done()?;
    Ok(checked)
}

fn mrn(checks: &mut Checks, text: Option<String>) -> Option<String> {
    let parsed = text?.parse::<Mrn>();
    parsed
        .map_err(|error| checks.fail("/medical_record_number", "invalid_number", error.to_string()))
        .ok()
        .map(|mrn| mrn.to_string())
}

fn born(checks: &mut Checks, born_on: Option<Date>, today: Date) {
    const POINTER: &str = "/born_on";
    let Some(day) = born_on else {
        return checks.fail(POINTER, "required", "must be given");
    };
    if let Err(error) = age(day, today) {
        let code = match error {
            BirthError::InTheFuture => "in_the_future",
            BirthError::TooLongAgo => "out_of_range",
        };
        checks.fail(POINTER, code, error.to_string());
    }
}

/// A personal code says when somebody was born.
fn fiscal_code(checks: &mut Checks, text: Option<String>, born_on: Option<Date>) -> Option<String> {
    const POINTER: &str = "/fiscal_code";
    let text = text.filter(|text| !text.trim().is_empty())?;
    let code = match text.parse::<FiscalCode>() {
        Ok(code) => code,
        Err(error) => {
            checks.fail(POINTER, "invalid_fiscal_code", error.to_string());
            return None;
        }
    };
    let fits = code.person().zip(born_on).is_none_or(|(person, born_on)| person.fits_birth(born_on));
    checks.ensure(fits, POINTER, "contradicts", "says another day of birth than `born_on`");
    Some(code.as_str().to_owned())
}

fn lifestyle(checks: &mut Checks, life: &Lifestyle) {
    let numbers = [
        ("/lifestyle/cigarettes_per_day", life.cigarettes_per_day.map(f64::from), 0.0..=200.0),
        ("/lifestyle/alcohol_units_per_week", life.alcohol_units_per_week, 0.0..=200.0),
        ("/lifestyle/height_cm", life.height_cm, 50.0..=250.0),
        ("/lifestyle/weight_kg", life.weight_kg, 20.0..=400.0),
    ];
    for (pointer, value, range) in numbers {
        if let Some(value) = value {
            checks.range(pointer, value, range);
        }
    }
    let smokes = life.cigarettes_per_day.is_some_and(|it| it > 0);
    let never = life.smoking == Some(Smoking::Never);
    let detail = "does not fit `smoking`";
    checks.ensure(!(smokes && never), "/lifestyle/cigarettes_per_day", "contradicts", detail);
}

/// It is a woman's, of a day of her life; without the day nobody can say whether it is old.
fn history(checks: &mut Checks, said: &History, (sex, born_on): (Sex, Option<Date>), today: Date) {
    const AS_OF: &str = "/history/as_of";
    if let Some(days) = said.cycle_length_days {
        checks.range("/history/cycle_length_days", days, 10..=365);
    }
    let is_fitting = said.is_empty() || sex != Sex::Male;
    checks.ensure(is_fitting, "/history", "contradicts", "is said in the record of the partner");
    let Some(day) = said.as_of else {
        return checks.ensure(said.is_empty(), AS_OF, "required", "must be given with what is said as of it");
    };
    checks.ensure(day <= today, AS_OF, "in_the_future", "must not be in the future");
    let is_lived = born_on.is_none_or(|born| born <= day);
    checks.ensure(is_lived, AS_OF, "out_of_range", "must not be before the day of birth");
}
