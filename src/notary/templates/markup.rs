//! The markup of templates: `# heading`, `## heading`, paragraphs between empty lines, `- item`, `**bold**`, and `{{field}}`.
//! Whatever else stands there is text.

use std::collections::BTreeSet;

/// Longest body, in bytes.
pub const BYTES_MAX: usize = 100_000;
/// Different fields of one body.
pub const FIELDS_MAX: usize = 100;
/// Longest name of a field.
pub const NAME_MAX: usize = 50;

/// What is wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarkupError {
    /// Longer than [`BYTES_MAX`].
    #[error("has {0} bytes, at most {BYTES_MAX} are allowed")]
    TooLong(usize),
    /// A field that does not end in its line.
    #[error("a field that begins in line {0} has no end: write {{{{name}}}}")]
    Open(usize),
    /// A name of a field that is none.
    #[error(
        "line {0} has a field with a wrong name: small letters, digits and _, beginning with a letter, {NAME_MAX} at most"
    )]
    Name(usize),
    /// More than [`FIELDS_MAX`].
    #[error("has more than {FIELDS_MAX} different fields")]
    TooMany,
    /// Nothing.
    #[error("must not be empty")]
    Empty,
}

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A heading, of level 1 or 2.
    Heading(u8),
    /// Some sentences.
    Paragraph,
    /// One of a list.
    Item,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// To be filled.
    Field(String),
}

/// A piece, and whether it is bold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What.
    pub piece: Piece,
    /// Whether it is bold.
    pub is_bold: bool,
}

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it is.
    pub shape: Shape,
    /// What it says.
    pub runs: Vec<Run>,
}

/// Whether a field may be called so.
pub fn is_name(name: &str) -> bool {
    let right = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.len() <= NAME_MAX && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(right)
}

/// Reads a body.
pub fn parse(body: &str) -> Result<Vec<Block>, MarkupError> {
    if body.len() > BYTES_MAX {
        return Err(MarkupError::TooLong(body.len()));
    }
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_going_on = false;
    for (number, line) in body.lines().enumerate() {
        let line = line.trim();
        let (shape, text) = shape_of(line);
        if line.is_empty() {
            is_going_on = false;
            continue;
        }
        let may_join = is_going_on && shape == Shape::Paragraph;
        if let Some(block) = blocks.last_mut().filter(|_| may_join) {
            block.runs.push(Run { piece: Piece::Text("\n".to_owned()), is_bold: false });
            runs(text, number + 1, &mut block.runs)?;
        } else {
            let mut block = Block { shape, runs: Vec::new() };
            runs(text, number + 1, &mut block.runs)?;
            blocks.push(block);
        }
        is_going_on = !matches!(shape, Shape::Heading(_));
    }
    if blocks.is_empty() {
        return Err(MarkupError::Empty);
    }
    if fields(&blocks).len() > FIELDS_MAX {
        return Err(MarkupError::TooMany);
    }
    Ok(blocks)
}

/// The names of the fields of a body, each once.
pub fn fields(blocks: &[Block]) -> BTreeSet<&str> {
    let runs = blocks.iter().flat_map(|block| &block.runs);
    runs.filter_map(|run| match &run.piece {
        Piece::Field(name) => Some(name.as_str()),
        Piece::Text(_) => None,
    })
    .collect()
}

fn shape_of(line: &str) -> (Shape, &str) {
    let shapes = [("## ", Shape::Heading(2)), ("# ", Shape::Heading(1)), ("- ", Shape::Item)];
    let found =
        shapes.into_iter().find_map(|(sign, shape)| Some((shape, line.strip_prefix(sign)?.trim_start())));
    found.unwrap_or((Shape::Paragraph, line))
}

/// Reads the rest of a line. What is bold ends with its line.
fn runs(text: &str, line: usize, runs: &mut Vec<Run>) -> Result<(), MarkupError> {
    let (mut rest, mut is_bold) = (text, false);
    while !rest.is_empty() {
        let at = [rest.find("{{"), rest.find("**")].into_iter().flatten().min().unwrap_or(rest.len());
        if at > 0 {
            runs.push(Run { piece: Piece::Text(rest[..at].to_owned()), is_bold });
        }
        rest = &rest[at..];
        if let Some(behind) = rest.strip_prefix("{{") {
            let (name, behind) = behind.split_once("}}").ok_or(MarkupError::Open(line))?;
            let name = name.trim();
            if !is_name(name) {
                return Err(MarkupError::Name(line));
            }
            runs.push(Run { piece: Piece::Field(name.to_owned()), is_bold });
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix("**") {
            (rest, is_bold) = (behind, !is_bold);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str, is_bold: bool) -> Run {
        Run { piece: Piece::Text(text.to_owned()), is_bold }
    }

    fn field(name: &str, is_bold: bool) -> Run {
        Run { piece: Piece::Field(name.to_owned()), is_bold }
    }

    #[test]
    fn headings_paragraphs_items_bold_and_fields_are_told_apart() {
        let body = "# Titolo\n## Art. 1\nuna **riga {{name}}**,\nun'altra\n\n- uno\n- {{ due }}\n#no heading * $x$ {no}";
        let blocks = parse(body).unwrap();
        let shapes: Vec<Shape> = blocks.iter().map(|block| block.shape).collect();
        assert_eq!(
            shapes,
            [Shape::Heading(1), Shape::Heading(2), Shape::Paragraph, Shape::Item, Shape::Item]
        );
        assert_eq!(
            blocks[2].runs,
            [
                text("una ", false),
                text("riga ", true),
                field("name", true),
                text(",", false),
                text("\n", false),
                text("un'altra", false)
            ]
        );
        assert_eq!(blocks[4].runs[0], field("due", false));
        assert_eq!(blocks[4].runs[2], text("#no heading * $x$ {no}", false), "a line goes on");
        assert_eq!(fields(&blocks).into_iter().collect::<Vec<_>>(), ["due", "name"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        assert_eq!(parse("a\n{{open"), Err(MarkupError::Open(2)));
        for wrong in ["{{}}", "{{Name}}", "{{1a}}", "{{a-b}}", "{{a b}}", "{{è}}", "{{{{a}}}}"] {
            assert_eq!(parse(wrong), Err(MarkupError::Name(1)), "{wrong}");
        }
        assert_eq!(parse(" \n\n"), Err(MarkupError::Empty));
        assert_eq!(parse(&"x".repeat(BYTES_MAX + 1)), Err(MarkupError::TooLong(BYTES_MAX + 1)));
        let many = (0..=FIELDS_MAX).map(|n| format!("{{{{f{n}}}}} ")).collect::<Vec<_>>().concat();
        assert_eq!(parse(&many), Err(MarkupError::TooMany));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(body in any::<String>(), signs in "[#*{}a \n-]{0,200}") {
            let _ = parse(&body);
            if let Ok(blocks) = parse(&signs) {
                prop_assert!(blocks.iter().all(|block| fields(std::slice::from_ref(block)).iter().all(|name| is_name(name))));
            }
        }
    }
}
