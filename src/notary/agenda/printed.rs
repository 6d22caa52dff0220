//! The agenda of a day on paper.

use jiff::{Timestamp, civil::Date};
use serde_json::json;

use super::daily::Day;
use crate::{
    mail::{self, Language},
    notary::time::ZONE,
    pdf::{Document, Layout},
};

/// The agenda of an office on a day, as it is now.
pub fn document(day: &Day, on: Date, language: Language, now: Timestamp) -> Document {
    let words = Layout::Agenda.words(language);
    let title = Layout::Agenda.title(language);
    let status = |code: &str| words["status"][code].as_str().unwrap_or(code).to_owned();
    let rows: Vec<_> = day
        .entries
        .iter()
        .map(|it| [it.hours.clone(), it.client.clone(), it.matter.clone(), status(&it.status)])
        .collect();
    let date = mail::date(on, language);
    let data = json!({
        "head": [day.office_name, day.address], "title": title, "subtitle": date,
        "facts": [
            { "label": "count", "value": day.entries.len().to_string() },
            { "label": "state_of", "value": mail::moment(now, ZONE, language) },
        ],
        "notes": [],
        "tables": [{
            "heading": null, "columns": ["time", "client", "matter", "status"], "widths": [1.3, 2.4, 4, 2.3], "rows": rows,
            "none": "appointments",
        }],
        "foot": format!("{} · {date}", day.office_name),
    });
    Document {
        layout: Layout::Agenda,
        language,
        title: format!("{title} {on}"),
        made_at: now,
        data,
        images: Vec::new(),
    }
}
