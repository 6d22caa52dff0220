//! What is drawn on a page: letters with their places, and how much of everything else.

use hayro::{
    hayro_interpret::{
        BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
        font::{Glyph, GlyphRun},
        hayro_cmap::BfString,
    },
    kurbo::{Affine, BezPath, Point, Rect, Vec2},
};

/// Letters of a page; one set as small as it can be read has thirty thousand.
const LETTERS_MAX: usize = 200_000;
/// Glyphs are described in thousandths of a font's size.
const EM: f64 = 1000.0;

/// A letter as it is drawn.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    /// Where it begins.
    pub(super) origin: Point,
    /// To where the next one begins.
    pub(super) along: Vec2,
    /// From its baseline to the height of its font.
    pub(super) up: Vec2,
    /// What it says, if the file says that.
    pub(super) letters: Option<String>,
    /// Whether nobody sees it.
    pub(super) is_hidden: bool,
}

/// All that is drawn.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) letters: Vec<Drawn>,
    /// There were more.
    pub(super) has_too_many: bool,
    /// Lines and areas.
    pub(super) paths: usize,
    /// Part of the page that pictures cover; more than 1 if they lie on each other.
    pub(super) covered: f64,
    /// Pixels per point of the finest picture.
    pub(super) finest: f64,
    page: Rect,
}

impl Marks {
    pub(super) fn on(width: f32, height: f32) -> Self {
        Self { page: Rect::new(0.0, 0.0, f64::from(width), f64::from(height)), ..Self::default() }
    }

    fn letter(&mut self, glyph: &Glyph<'_>, place: Affine, is_hidden: bool) {
        if self.letters.len() >= LETTERS_MAX {
            self.has_too_many = true;
            return;
        }
        let advance = match glyph {
            Glyph::Outline(outline) => outline.advance_width(),
            Glyph::Type3(drawn) => drawn.advance_width(),
        };
        let origin = place * Point::ZERO;
        // What is outside of the page is not on it.
        if !self.page.inflate(1.0, 1.0).contains(origin) {
            return;
        }
        let along = place * Point::new(f64::from(advance.unwrap_or(500.0)), 0.0) - origin;
        let up = place * Point::new(0.0, EM) - origin;
        let letters = glyph.as_unicode().map(|letters| match letters {
            BfString::Char(letter) => letter.to_string(),
            BfString::String(letters) => letters,
        });
        self.letters.push(Drawn { origin, along, up, letters, is_hidden });
    }
}

impl<'a> Device<'a> for Marks {
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {
        self.paths += 1;
    }

    fn push_clip_path(&mut self, _: &ClipPath) {}

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        let is_hidden = matches!(mode, DrawMode::Invisible);
        for glyph in run.glyphs() {
            self.letter(glyph, props.transform * glyph.transform(), is_hidden);
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let (width, height) = (f64::from(image.width()), f64::from(image.height()));
        let area = props.transform.transform_rect_bbox(Rect::new(0.0, 0.0, width, height));
        let seen = area.intersect(self.page);
        if seen.width() <= 0.0 || seen.height() <= 0.0 {
            return;
        }
        self.covered += seen.area() / self.page.area().max(1.0);
        let [a, b, _, _, _, _] = props.transform.as_coeffs();
        let points_per_pixel = a.hypot(b);
        if points_per_pixel > 0.0 && seen.area() > 0.1 * self.page.area() {
            self.finest = self.finest.max(1.0 / points_per_pixel);
        }
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}
