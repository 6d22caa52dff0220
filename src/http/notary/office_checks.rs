//! Whether what a notary says of the own office can be right.

use jiff::civil::Date;

use super::checks::{email, fiscal_code, line, once, past, two_letters, vat_number, website};
use crate::{
    http::{problem::Problem, validate::Checks},
    notary::offices::{Content, Country, NewService, SERVICES_MAX},
};

const LANGUAGES_MAX: usize = 10;
/// A list that names each of its words once is not longer.
const WORDS_MAX: usize = 20;

/// The content with its texts trimmed and its numbers as they are stored, or every field that is wrong.
pub(super) fn checked(content: Content, today: Date) -> Result<Content, Problem> {
    let mut checks = Checks::default();
    let it = &mut checks;
    let checked = Content {
        first_name: it.line("/first_name", &content.first_name, 1..=100).to_owned(),
        last_name: it.line("/last_name", &content.last_name, 1..=100).to_owned(),
        office_name: it.line("/office_name", &content.office_name, 1..=200).to_owned(),
        roll_number: line(it, "/roll_number", content.roll_number, 1..=30),
        district: line(it, "/district", content.district, 1..=100),
        fiscal_code: fiscal_code(it, content.fiscal_code).map(|code| code.to_string()),
        vat_number: content
            .vat_number
            .filter(|text| !text.trim().is_empty())
            .map(|text| vat_number(it, &text)),
        bio: it.text("/bio", &content.bio, 0..=4000).to_owned(),
        phone: line(it, "/phone", content.phone, 5..=20),
        office_email: email(it, "/office_email", content.office_email),
        certified_address: email(it, "/certified_address", content.certified_address),
        website: website(it, content.website),
        street: line(it, "/street", content.street, 1..=200),
        postal_code: line(it, "/postal_code", content.postal_code, 1..=10),
        city: it.line("/city", &content.city, 1..=100).to_owned(),
        province: two_letters(it, "/province", &content.province),
        languages: languages(it, content.languages),
        specialisations: {
            it.at_most("/specialisations", &content.specialisations, WORDS_MAX);
            once(content.specialisations)
        },
        offers: {
            it.at_most("/offers", &content.offers, WORDS_MAX);
            once(content.offers)
        },
        ..content
    };
    past(it, "/enrolled_on", checked.enrolled_on, today);
    if let Some(years) = checked.experience_years {
        it.range("/experience_years", years, 0..=70);
    }
    check_place(it, &checked);
    checks.done()?;
    Ok(checked)
}

fn languages(checks: &mut Checks, codes: Vec<String>) -> Vec<String> {
    checks.at_most("/languages", &codes, LANGUAGES_MAX);
    checks.ensure(!codes.is_empty(), "/languages", "required", "at least one is spoken");
    for (place, code) in codes.iter().enumerate() {
        let right = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_lowercase());
        checks.ensure(
            right,
            &format!("/languages/{place}"),
            "invalid_code",
            "must be two lower-case letters (ISO 639-1)",
        );
    }
    once(codes)
}

fn check_place(checks: &mut Checks, content: &Content) {
    let is_in_san_marino = content.country == Country::SanMarino;
    checks.ensure(
        is_in_san_marino == (content.province == "SM"),
        "/province",
        "other_country",
        "is SM in San Marino, and only there",
    );
    match (content.latitude, content.longitude) {
        (Some(latitude), Some(longitude)) => {
            checks.range("/latitude", latitude, -90.0..=90.0);
            checks.range("/longitude", longitude, -180.0..=180.0);
        }
        (Some(_), None) => checks.fail("/longitude", "required", "a place has both degrees"),
        (None, Some(_)) => checks.fail("/latitude", "required", "a place has both degrees"),
        (None, None) => {}
    }
}

/// The services with their texts trimmed, or every field that is wrong.
pub(super) fn checked_services(services: Vec<NewService>) -> Result<Vec<NewService>, Problem> {
    let mut checks = Checks::default();
    checks.at_most("/services", &services, SERVICES_MAX);
    let mut checked = Vec::with_capacity(services.len());
    for (place, service) in services.into_iter().take(SERVICES_MAX).enumerate() {
        let name = checks.line(&format!("/services/{place}/name"), &service.name, 1..=200).to_owned();
        let pointer = format!("/services/{place}/description");
        let description = checks.text(&pointer, &service.description, 0..=2000).to_owned();
        if let Some(fee) = service.fee_cents {
            checks.range(&format!("/services/{place}/fee_cents"), fee, 0..=100_000_000);
        }
        checked.push(NewService { name, description, ..service });
    }
    checks.done()?;
    Ok(checked)
}
