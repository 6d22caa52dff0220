//! Reads the SQL out of the product's own sources: just enough of Rust to join literals, `concat!` and small macros.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What the sources hold.
pub(crate) struct Found {
    /// Whole statements by label.
    pub(crate) statements: BTreeMap<String, String>,
    /// Labels of statements that `format!` puts together.
    pub(crate) built: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Text(String),
    Name(String),
    Mark(char),
}

/// Parameters and body of a macro.
#[derive(Debug)]
struct Macro {
    parameters: Vec<String>,
    body: Vec<Token>,
}

type Macros = BTreeMap<String, Macro>;

/// Every labelled statement under `src`.
pub(crate) fn statements() -> Found {
    let mut paths = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|it| it == "rs") && path.file_name().unwrap() != "tests.rs" {
            files.push(path);
        }
    }
    let sources: Vec<Vec<Token>> = files
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .map(|text| tokens(text.split("#[cfg(test)]\nmod ").next().unwrap()))
        .collect();
    let macros: Macros = sources.iter().flat_map(|tokens| macros(tokens)).collect();
    let mut found = Found { statements: BTreeMap::new(), built: BTreeSet::new() };
    for tokens in &sources {
        find(tokens, &macros, &mut found);
    }
    found
}

/// The label of a statement: dotted, in its first line.
fn label(text: &str) -> Option<String> {
    let label = text.strip_prefix("-- ")?.lines().next()?.trim();
    let is_label = label.contains('.')
        && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c));
    is_label.then(|| label.to_owned())
}

fn find(tokens: &[Token], macros: &Macros, found: &mut Found) {
    let mut at = 0;
    while at < tokens.len() {
        if let Some((_, after)) = macro_at(tokens, at) {
            at = after;
            continue;
        }
        let is_formatted = at >= 3 && tokens[at - 3] == Token::Name("format".to_owned());
        match value(tokens, at, macros, &BTreeMap::new()) {
            Some((text, after)) => {
                if let Some(label) = label(&text) {
                    if is_formatted {
                        found.built.insert(label);
                    } else {
                        let twice = found.statements.insert(label.clone(), text);
                        assert!(twice.is_none(), "{label} stands twice in the sources");
                    }
                }
                at = after;
            }
            None => at += 1,
        }
    }
}

/// The text that an expression at `at` stands for, and where it ends.
fn value(
    tokens: &[Token],
    at: usize,
    macros: &Macros,
    bound: &BTreeMap<String, String>,
) -> Option<(String, usize)> {
    match tokens.get(at)? {
        Token::Text(text) => Some((text.clone(), at + 1)),
        Token::Mark('$') => match tokens.get(at + 1)? {
            Token::Name(name) => Some((bound.get(name)?.clone(), at + 2)),
            _ => None,
        },
        Token::Name(name) if tokens.get(at + 1) == Some(&Token::Mark('!')) => {
            let known = macros.get(name);
            if name != "concat" && known.is_none() {
                return None;
            }
            let (values, after) = values(tokens, at + 3, macros, bound)?;
            let Some(known) = known else { return Some((values.concat(), after)) };
            let bound = known.parameters.iter().cloned().zip(values).collect();
            Some((value(&known.body, 0, macros, &bound)?.0, after))
        }
        _ => None,
    }
}

/// Comma-separated values up to the closing parenthesis.
fn values(
    tokens: &[Token],
    mut at: usize,
    macros: &Macros,
    bound: &BTreeMap<String, String>,
) -> Option<(Vec<String>, usize)> {
    let mut values = Vec::new();
    loop {
        match tokens.get(at)? {
            Token::Mark(')') => return Some((values, at + 1)),
            Token::Mark(',') => at += 1,
            _ => {
                let (text, after) = value(tokens, at, macros, bound)?;
                values.push(text);
                at = after;
            }
        }
    }
}

fn macros(tokens: &[Token]) -> Vec<(String, Macro)> {
    (0..tokens.len()).filter_map(|at| macro_at(tokens, at)).map(|(known, _)| known).collect()
}

/// `macro_rules! name { ($a:literal, …) => { body } }` at `at`, and where it ends.
fn macro_at(tokens: &[Token], at: usize) -> Option<((String, Macro), usize)> {
    if tokens.get(at)? != &Token::Name("macro_rules".to_owned()) {
        return None;
    }
    let Token::Name(name) = tokens.get(at + 2)? else { return None };
    let end = closing(tokens, at + 3)?;
    let arrow = (at..end).find(|at| tokens[*at..].starts_with(&[Token::Mark('='), Token::Mark('>')]))?;
    let parameters = tokens[at + 4..arrow].windows(2).filter_map(|pair| match pair {
        [Token::Mark('$'), Token::Name(name)] => Some(name.clone()),
        _ => None,
    });
    let known = Macro { parameters: parameters.collect(), body: tokens[arrow + 3..end].to_vec() };
    Some(((name.clone(), known), end + 1))
}

/// Where the bracket that opens at `at` is closed.
fn closing(tokens: &[Token], at: usize) -> Option<usize> {
    let mut depth = 0;
    (at..tokens.len()).find(|at| {
        match tokens[*at] {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => {
                at += chars[at..].iter().take_while(|c| **c != '\n').count();
            }
            '"' => {
                let (text, after) = literal(&chars, at + 1);
                tokens.push(Token::Text(text));
                at = after;
            }
            // A character, unless it is a lifetime.
            '\'' if chars.get(at + 1) == Some(&'\\') => {
                at += 3 + chars[at + 3..].iter().take_while(|c| **c != '\'').count() + 1;
            }
            '\'' if chars.get(at + 2) == Some(&'\'') => at += 3,
            'r' if raw_fence(&chars[at + 1..]).is_some() => {
                // Raw strings are patterns, never statements; only their end matters.
                let fence = raw_fence(&chars[at + 1..]).unwrap();
                let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', fence)).collect();
                let begin = at + 2 + fence;
                let length = chars[begin..].windows(end.len()).position(|it| it == end).unwrap();
                at = begin + length + end.len();
            }
            c if c.is_alphabetic() || c == '_' => {
                let name: String =
                    chars[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
                at += name.chars().count();
                tokens.push(Token::Name(name));
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(Token::Mark(c));
                }
                at += 1;
            }
        }
    }
    tokens
}

/// How many `#` stand before the quote of a raw string, behind its `r`.
fn raw_fence(after: &[char]) -> Option<usize> {
    let fence = after.iter().take_while(|c| **c == '#').count();
    (after.get(fence) == Some(&'"')).then_some(fence)
}

/// A literal from behind its opening quote, and where it ends.
fn literal(chars: &[char], mut at: usize) -> (String, usize) {
    let mut text = String::new();
    while chars[at] != '"' {
        if chars[at] == '\\' {
            at += 1;
            match chars[at] {
                'n' => text.push('\n'),
                '\n' => at += chars[at..].iter().take_while(|c| c.is_whitespace()).count() - 1,
                other => text.push(other),
            }
        } else {
            text.push(chars[at]);
        }
        at += 1;
    }
    (text, at + 1)
}
