//! Distances on the ground, and the straight lines that the index knows instead.

/// The mean radius of the Earth (IUGG), as in the function `place_on_earth` of migration 0024.
const EARTH_KM: f64 = 6371.0088;

/// Kilometres that may be asked for.
pub const RADIUS_KM: std::ops::RangeInclusive<f64> = 0.1..=200.0;

/// A point and how far from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// At most so far, in [`RADIUS_KM`].
    pub radius_km: f64,
}

/// The straight line through the Earth between two places that are so far apart over ground.
pub(super) fn chord(ground_km: f64) -> f64 {
    2.0 * EARTH_KM * (ground_km / (2.0 * EARTH_KM)).sin()
}

/// How far over ground two places are with this straight line between them.
pub(super) fn ground(chord_km: f64) -> f64 {
    2.0 * EARTH_KM * (chord_km / (2.0 * EARTH_KM)).min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::{chord, ground};

    #[test]
    fn the_straight_line_is_shorter_and_leads_back() {
        for km in [0.0, 0.1, 50.0, 200.0, 9000.0] {
            assert!(chord(km) <= km && (ground(chord(km)) - km).abs() < 1e-6, "{km}");
        }
        assert!(50.0 - chord(50.0) < 0.001, "near places see no curvature");
    }
}
