//! Statements that are put together while running: one text per shape of what is asked for.

use std::sync::{LazyLock, Mutex, PoisonError};

use ahash::AHashMap;

/// The one `'static` copy of a statement's text, as prepared statements want. It stays for ever: shapes must be few, bounded
/// by what can be asked for, and hold no values.
pub fn shape(text: String) -> &'static str {
    static SHAPES: LazyLock<Mutex<AHashMap<String, &'static str>>> = LazyLock::new(Mutex::default);
    let mut shapes = SHAPES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shape) = shapes.get(&text) {
        return shape;
    }
    let shape: &'static str = Box::leak(text.clone().into_boxed_str());
    shapes.insert(text, shape);
    shape
}
