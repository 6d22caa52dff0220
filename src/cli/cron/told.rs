//! What `sportello cron` prints for people.

use std::fmt::Write as _;

use serde::Serialize;

use crate::jobs::{
    schedules::{Preview, PreviewedTick, Standing, View},
    store::cron::Fire,
};

pub(super) fn as_json(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)?)
}

/// One line each.
pub(super) fn tell(views: &[View]) -> String {
    let lines: Vec<String> = views.iter().map(line).collect();
    if lines.is_empty() { "there are no schedules".to_owned() } else { lines.join("\n") }
}

fn line(view: &View) -> String {
    let last = view.last.as_ref().map_or_else(|| "never".to_owned(), |last| last.outcome.as_str().to_owned());
    let it = &view.schedule;
    format!(
        "{:<36} {:<7} {:<4} {:<20} {:<14} next {:<20} last {last}",
        it.key,
        standing(view),
        view.source.as_str(),
        it.spec,
        it.tz,
        next(view)
    )
}

fn standing(view: &View) -> &'static str {
    match view.state {
        Standing::Ticking => "ticking",
        Standing::Paused => "paused",
        Standing::Over => "over",
    }
}

fn next(view: &View) -> String {
    if view.state == Standing::Paused {
        return "paused".to_owned();
    }
    view.next_at.map_or_else(|| "never".to_owned(), |at| at.strftime("%F %TZ").to_string())
}

/// Everything about one.
pub(super) fn tell_view(view: &View) -> String {
    let it = &view.schedule;
    let mut text = format!("{}: {}, {}\n", it.key, standing(view), view.source.as_str());
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<12} {value}");
    };
    row("spec", &format!("{} ({})", it.spec, it.tz));
    row("job", &format!("{} {}", it.kind, it.args));
    row(
        "missed",
        &format!("{}, within {} s, at most {}", it.missed.as_str(), it.missed_within_s, it.missed_max),
    );
    row("overlap", it.overlap.as_str());
    row("clocks", &format!("gap {}, fold {}", it.gap.as_str(), it.fold.as_str()));
    if it.splay_s > 0 {
        row("splay", &format!("{} s", it.splay_s));
    }
    let own = |value: Option<String>| value.unwrap_or_else(|| "that of the kind".to_owned());
    row("queue", &own(it.queue.map(|queue| queue.to_string())));
    row("priority", &own(it.priority.map(|priority| priority.to_string())));
    row("attempts", &own(it.max_attempts.map(|attempts| attempts.to_string())));
    if !it.tags.is_empty() {
        row("tags", &it.tags.join(", "));
    }
    let by = |by: &Option<String>| by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    row("made", &format!("{:.0}{}", view.created_at, by(&view.created_by)));
    if let Some(at) = view.changed_at {
        row("changed", &format!("{at:.0}{}", by(&view.changed_by)));
    }
    row("next", &next(view));
    if let Some(pause) = &view.paused {
        let by = pause.by.as_deref().unwrap_or("somebody");
        row(
            "paused",
            &format!("{} by {by}: {}", pause.at, pause.reason.as_deref().unwrap_or("no reason given")),
        );
    }
    if let Some(last) = &view.last {
        row("last", &fire(last));
    }
    if let Some(description) = &it.description {
        row("for", description);
    }
    text.trim_end().to_owned()
}

fn fire(fire: &Fire) -> String {
    let mut text = format!("{} {}", fire.fire_at, fire.outcome.as_str());
    for (name, value) in [("job", fire.job.map(|job| job.to_string())), ("by", fire.by.clone())] {
        if let Some(value) = value {
            let _ = write!(text, " {name} {value}");
        }
    }
    if let Some(reason) = &fire.reason {
        let _ = write!(text, " ({reason})");
    }
    text
}

pub(super) fn tell_fires(fires: &[Fire]) -> String {
    let lines: Vec<String> = fires.iter().map(fire).collect();
    if lines.is_empty() { "nothing was decided yet".to_owned() } else { lines.join("\n") }
}

pub(super) fn tell_preview(preview: &Preview) -> String {
    let line = |sign: &str, it: &PreviewedTick| {
        let note = it.note.as_ref().map(|note| format!("  {note}")).unwrap_or_default();
        format!("{sign} {}  {}{note}", it.at.strftime("%F %TZ"), it.local)
    };
    let mut all: Vec<_> = preview.ticks.iter().map(|it| (it.at, line("+", it))).collect();
    all.extend(preview.skipped.iter().map(|it| (it.at, line("-", it))));
    all.sort();
    let mut lines: Vec<String> = all.into_iter().map(|(_, line)| line).collect();
    let hidden = preview.skipped_count - preview.skipped.len();
    if hidden > 0 {
        lines.push(format!("{hidden} more local times do not tick"));
    }
    lines.extend(preview.end.map(str::to_owned));
    lines.join("\n")
}
