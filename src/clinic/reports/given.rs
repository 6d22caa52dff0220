//! What was given for an analysis, in words: each member of its input by its name, whatever came out of it.

use serde_json::{Map, Value};

use super::{figures::number, page::Say};

/// Members of all inputs, in the order in which they are read; the texts have their names.
pub(super) const MEMBERS: [&str; 54] = [
    "volume_ml",
    "ph",
    "concentration_million_per_ml",
    "total_million",
    "total_motility_percent",
    "progressive_percent",
    "non_progressive_percent",
    "immotile_percent",
    "vitality_percent",
    "normal_forms_percent",
    "leukocytes_million_per_ml",
    "abstinence_days",
    "liquefaction_minutes",
    "pellet",
    "maturity",
    "cumulus",
    "zona",
    "perivitelline_space",
    "polar_body",
    "cytoplasm",
    "vacuole_um",
    "reticulum_aggregates",
    "is_giant",
    "stage",
    "day",
    "cells",
    "fragmentation_percent",
    "cell_sizes",
    "is_multinucleated",
    "compaction",
    "expansion",
    "inner_cell_mass",
    "trophectoderm",
    "left",
    "right",
    "antral_follicles",
    "follicles_mm",
    "cycle_day",
    "is_complete",
    "polyps",
    "myomas",
    "figo",
    "figo_serosa",
    "size_mm",
    "has_adhesions",
    "adhesions",
    "extent",
    "kind",
    "menses",
    "esge",
    "has_indentation",
    "septum",
    "endometrium",
    "endometritis_signs",
];
/// Those of an indentation, which stand nowhere else.
pub(super) const OF_SEPTUM: [&str; 4] =
    ["indentation_mm", "wall_mm", "external_indentation_mm", "reaches_internal_os"];
/// Units at the ends of names.
const UNITS: [(&str, &str); 5] =
    [("_percent", " %"), ("_mm", " mm"), ("_ml", " mL"), ("_um", " µm"), ("_minutes", " min")];

/// Where a member stands among the others; what only a newer server knows comes last.
fn place(name: &str) -> usize {
    MEMBERS.iter().chain(&OF_SEPTUM).position(|it| *it == name).unwrap_or(usize::MAX)
}

impl Say {
    /// Each member of an input that says something, but those that stand beside it already.
    pub(super) fn given(&self, input: &Value, is_shown: impl Fn(&str) -> bool) -> Vec<String> {
        let Some(input) = input.as_object() else { return Vec::new() };
        let is_told = |name: &str| match name {
            "has_adhesions" => input.get("adhesions").is_some_and(|it| !it.is_null()),
            "has_indentation" => input.get("septum").is_some_and(|it| !it.is_null()),
            other => is_shown(other),
        };
        let said = |(name, value): (&str, &Value)| {
            let one = |value: &Value| Some(format!("{}: {}", self.member(name), self.seen(name, value)?));
            match value {
                // Polyps and myomas, each by itself.
                Value::Array(each) if each.iter().any(Value::is_object) => {
                    each.iter().filter_map(one).collect()
                }
                other => one(other).into_iter().collect::<Vec<_>>(),
            }
        };
        in_order(input).filter(|(name, _)| !is_told(name)).flat_map(said).collect()
    }

    /// What was not given and would say more, by JSON pointers, each once.
    pub(super) fn missing<'a>(&self, pointers: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut said: Vec<String> = Vec::new();
        for pointer in pointers {
            let names = pointer.split('/').filter(|it| !it.is_empty() && it.parse::<u16>().is_err());
            let text = names.map(|name| self.member(name)).collect::<Vec<_>>().join(", ");
            if !said.contains(&text) {
                said.push(text);
            }
        }
        said
    }

    fn member(&self, name: &str) -> String {
        self.word("given", name)
    }

    /// What a member says; nothing, if nothing was said.
    fn seen(&self, name: &str, value: &Value) -> Option<String> {
        let unit = UNITS.iter().find(|(end, _)| name.ends_with(end)).map_or("", |(_, unit)| unit);
        Some(match value {
            Value::Null => return None,
            Value::Bool(is_so) => self.word("answer", if *is_so { "yes" } else { "no" }),
            Value::Number(value) => format!("{}{unit}", number(&value.as_f64()?.to_string(), self.0)),
            Value::String(code) => self.word("seen", code),
            Value::Array(all) if all.is_empty() && name == "follicles_mm" => return None,
            Value::Array(all) if all.is_empty() => self.word("answer", "nothing_seen"),
            Value::Array(all) => {
                let each: Vec<_> = all.iter().filter_map(|it| self.seen(name, it)).collect();
                each.join("; ")
            }
            Value::Object(members) => {
                let said = in_order(members).filter_map(|(name, value)| {
                    Some(format!("{} {}", self.member(name), self.seen(name, value)?))
                });
                let said = said.collect::<Vec<_>>().join(", ");
                if said.is_empty() { self.word("answer", "not_described") } else { said }
            }
        })
    }
}

fn in_order(members: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    let mut all: Vec<_> = members.iter().map(|(name, value)| (name.as_str(), value)).collect();
    all.sort_by_key(|(name, _)| place(name));
    all.into_iter()
}
