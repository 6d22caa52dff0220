//! Checks that several bodies of the desk share.

use std::{collections::BTreeSet, ops::RangeInclusive};

use jiff::civil::Date;

use crate::{
    http::validate::Checks,
    notary::rules::{
        fiscal_code::{FiscalCode, PersonalCode},
        operator_code::OperatorCode,
        vat_number::VatNumber,
    },
};

/// Longest e-mail address (RFC 5321).
const EMAIL_MAX: usize = 254;
const WEBSITE_MAX: usize = 300;

/// A line that may be left out; one without characters is left out.
pub(in crate::http) fn line(
    checks: &mut Checks,
    pointer: &str,
    text: Option<String>,
    chars: RangeInclusive<usize>,
) -> Option<String> {
    let text = text.filter(|text| !text.trim().is_empty())?;
    Some(checks.line(pointer, &text, chars).to_owned())
}

/// An e-mail address that may be left out.
pub(in crate::http) fn email(checks: &mut Checks, pointer: &str, text: Option<String>) -> Option<String> {
    let text = text.filter(|text| !text.trim().is_empty())?;
    let address = checks.email(pointer, &text);
    checks.ensure(address.len() <= EMAIL_MAX, pointer, "too_long", "has more than 254 bytes");
    Some(address)
}

/// An address of the web that may be left out.
pub(super) fn website(checks: &mut Checks, text: Option<String>) -> Option<String> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())?;
    checks.url("/website", &text);
    checks.ensure(
        text.chars().count() <= WEBSITE_MAX,
        "/website",
        "too_long",
        "has more than 300 characters",
    );
    Some(text)
}

/// Two letters, as capitals.
pub(in crate::http) fn two_letters(checks: &mut Checks, pointer: &str, text: &str) -> String {
    let text = text.trim().to_ascii_uppercase();
    let right = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    checks.ensure(right, pointer, "invalid_code", "must be two letters");
    text
}

/// The codice fiscale of a person.
pub(super) fn fiscal_code(checks: &mut Checks, text: Option<String>) -> Option<PersonalCode> {
    const POINTER: &str = "/fiscal_code";
    let text = text.filter(|text| !text.trim().is_empty())?;
    match text.parse::<FiscalCode>() {
        Ok(FiscalCode::Personal(code)) => Some(code),
        Ok(FiscalCode::Numeric(_)) => {
            checks.fail(POINTER, "invalid_fiscal_code", "must be that of a person, with 16 characters");
            None
        }
        Err(error) => {
            checks.fail(POINTER, "invalid_fiscal_code", error.to_string());
            None
        }
    }
}

/// A partita IVA, or an operator code of San Marino, as it is stored.
pub(super) fn vat_number(checks: &mut Checks, text: &str) -> String {
    let is_sammarinese = text.trim().to_ascii_uppercase().starts_with("SM");
    let number = if is_sammarinese {
        text.parse::<OperatorCode>().map(|code| code.to_string()).map_err(|error| error.to_string())
    } else {
        text.parse::<VatNumber>().map(|number| number.to_string()).map_err(|error| error.to_string())
    };
    number.unwrap_or_else(|error| {
        checks.fail("/vat_number", "invalid_vat_number", error);
        String::new()
    })
}

/// Each of them once, in their order.
pub(in crate::http) fn once<T: Ord + Clone>(items: Vec<T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    items.into_iter().filter(|item| seen.insert(item.clone())).collect()
}

/// A day that has come already, and not before anybody lives who could use this.
pub(super) fn past(checks: &mut Checks, pointer: &str, day: Option<Date>, today: Date) {
    const EARLIEST: i16 = 1900;
    if let Some(day) = day {
        checks.ensure(day <= today, pointer, "in_the_future", "must not be in the future");
        checks.ensure(day.year() >= EARLIEST, pointer, "out_of_range", "must be in or after 1900");
    }
}
