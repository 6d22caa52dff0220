//! How values went: one chart for each analyte that was measured on two days or more, in the one unit in which all its values
//! are compared, each against the range that applies to it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde_json::{Value, json};

use super::figures::{rounded, short_day, unit};
use crate::{
    clinic::{
        laboratory::{
            decimal::{Convention, Decimal},
            names::{self, Analyte},
            units::spelling,
        },
        values::{LaboratoryValue, canonical},
    },
    mail::Language,
};

/// Room above and below, of the height.
const MARGIN: f64 = 0.08;
/// Digits that are shown beside the axis.
const SIGNIFICANT: f64 = 3.0;

/// A value on its day.
struct Point<'v> {
    day: Date,
    y: f64,
    low: Option<f64>,
    high: Option<f64>,
    flag: Option<&'v str>,
}

/// What the layout draws: a chart for each analyte, in the order of the tables of names.
pub fn charts(values: &[LaboratoryValue], language: Language) -> Vec<Value> {
    let mut by_analyte: BTreeMap<&str, Vec<&LaboratoryValue>> = BTreeMap::new();
    for value in values {
        by_analyte.entry(&value.analyte).or_default().push(value);
    }
    let of = |analyte: &'static Analyte| Some((analyte, by_analyte.get(analyte.code)?));
    names::all().filter_map(of).filter_map(|(analyte, values)| chart(analyte, values, language)).collect()
}

fn chart(analyte: &'static Analyte, values: &[&LaboratoryValue], language: Language) -> Option<Value> {
    let mut points: Vec<Point<'_>> = values.iter().filter_map(|value| point(analyte, value)).collect();
    let days: BTreeSet<Date> = points.iter().map(|it| it.day).collect();
    let (first, last) = (*days.first()?, *days.last()?);
    if first == last {
        return None;
    }
    points.sort_by_key(|it| it.day);
    let span = f64::from(days_between(first, last));
    let across = |day: Date| f64::from(days_between(first, day)) / span;
    let edges = points.iter().flat_map(|it| [Some(it.y), it.low, it.high]).flatten();
    let (least, most) = edges.fold((f64::MAX, f64::MIN), |(a, b), it| (a.min(it), b.max(it)));
    let height = if most > least { most - least } else { most.abs().max(1.0) };
    let digits = digits(height);
    let ticks = [least, f64::midpoint(least, most), most];
    let ticks: BTreeMap<String, f64> = ticks.map(|y| (rounded(y, digits, language), y)).into();
    let shown: Vec<Value> =
        points.iter().map(|it| json!({ "x": across(it.day), "y": it.y, "flag": it.flag })).collect();
    Some(json!({
        "analyte": analyte.code,
        "unit": canonical::unit(analyte).map(|it| unit(it, language)).unwrap_or_default(),
        "low": least - MARGIN * height, "high": most + MARGIN * height,
        "from": short_day(first), "until": short_day(last),
        "points": shown, "ranges": bands(&points, across),
        "ticks": ticks.iter().map(|(text, y)| json!({ "y": y, "text": text })).collect::<Vec<_>>(),
    }))
}

/// Around each point, half-way to its neighbours, the range that applies to it; the same ones in one piece.
fn bands(points: &[Point<'_>], across: impl Fn(Date) -> f64) -> Vec<Value> {
    let mut bands: Vec<(f64, f64, Option<f64>, Option<f64>)> = Vec::new();
    for (place, point) in points.iter().enumerate() {
        if point.low.is_none() && point.high.is_none() {
            continue;
        }
        let x = across(point.day);
        let half = |other: Option<&Point<'_>>, edge: f64| {
            other.map_or(edge, |other| f64::midpoint(x, across(other.day)))
        };
        let from = half(place.checked_sub(1).map(|place| &points[place]), 0.0);
        let until = half(points.get(place + 1), 1.0);
        match bands.last_mut() {
            Some(last) if (last.2, last.3) == (point.low, point.high) && last.1 >= from => last.1 = until,
            _ => bands.push((from, until, point.low, point.high)),
        }
    }
    let shown = |(from, until, low, high)| json!({ "from": from, "until": until, "low": low, "high": high });
    bands.into_iter().map(shown).collect()
}

fn point<'v>(analyte: &'static Analyte, value: &'v LaboratoryValue) -> Option<Point<'v>> {
    let unit = value.unit.as_deref().and_then(spelling::read_code);
    let bound = |text: &Option<String>| {
        let number = Decimal::read(text.as_deref()?, Convention::Point)?;
        canonical::of(analyte, number, unit.as_ref()).map(|(number, _)| number.to_f64())
    };
    Some(Point {
        day: value.observed_on?,
        y: value.canonical?,
        low: bound(&value.range_low),
        high: bound(&value.range_high),
        flag: value.flag.as_deref(),
    })
}

fn days_between(from: Date, until: Date) -> i32 {
    from.until(until).map_or(0, |span| span.get_days())
}

/// Digits after the point, so that what differs by a part of the height reads differently.
fn digits(height: f64) -> usize {
    (SIGNIFICANT - 1.0 - height.log10().floor()).clamp(0.0, 4.0) as usize
}
