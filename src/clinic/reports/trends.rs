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
/// From here on a number beside the axis is written with a power of ten: there is room for so many digits.
const LARGE: f64 = 1e6;
/// The digits of exponents.
const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];

/// A value on its day.
struct Point<'v> {
    day: Date,
    y: f64,
    low: Option<f64>,
    high: Option<f64>,
    mark: &'v str,
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
    let ticks: BTreeMap<String, f64> = ticks.map(|y| (beside(y, digits, language), y)).into();
    let shown: Vec<Value> =
        points.iter().map(|it| json!({ "x": across(it.day), "y": it.y, "mark": it.mark })).collect();
    Some(json!({
        "analyte": analyte.code,
        "unit": canonical::unit(analyte).map(|it| unit(it, language)).unwrap_or_default(),
        "low": least - MARGIN * height, "high": most + MARGIN * height,
        "from": short_day(first, language), "until": short_day(last, language),
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
    let (low, high) = (bound(&value.range_low), bound(&value.range_high));
    Some(Point { day: value.observed_on?, y: value.canonical?, low, high, mark: mark(value, low, high)? })
}

/// How it is drawn: by what is known of where it lies. Of a bound only a side is known.
fn mark(value: &LaboratoryValue, low: Option<f64>, high: Option<f64>) -> Option<&str> {
    let y = value.canonical?;
    Some(match (value.comparator.as_deref(), value.flag.as_deref()) {
        (Some("<" | "<="), _) => "below",
        (Some(_), _) => "above",
        (None, Some(flag)) => flag,
        (None, None) if low.is_none() && high.is_none() => "none",
        (None, None) if low.is_some_and(|low| y < low) => "low",
        (None, None) if high.is_some_and(|high| y > high) => "high",
        (None, None) => "normal",
    })
}

fn days_between(from: Date, until: Date) -> i32 {
    from.until(until).map_or(0, |span| span.get_days())
}

/// A number beside the axis.
fn beside(y: f64, digits: usize, language: Language) -> String {
    if y.abs() < LARGE {
        return rounded(y, digits, language);
    }
    let power = y.abs().log10().floor();
    let raised: String =
        (power as u32).to_string().bytes().map(|it| RAISED[usize::from(it - b'0')]).collect();
    format!("{}·10{raised}", rounded(y / 10_f64.powf(power), 1, language))
}

/// Digits after the point, so that what differs by a part of the height reads differently.
fn digits(height: f64) -> usize {
    (SIGNIFICANT - 1.0 - height.log10().floor()).clamp(0.0, 4.0) as usize
}
