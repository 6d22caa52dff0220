//! The repository's own rules, checked like everything else: no database, milliseconds.

#![allow(clippy::unwrap_used, reason = "a test fails where something unexpected happens")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Longer than this (without comments and blank lines), a file has more than one subject.
const LINES_MAX: usize = 500;

struct File {
    path: String,
    text: String,
}

impl File {
    fn code_lines(&self) -> usize {
        self.text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
    }
}

fn rust_files(folders: &[&str]) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut files = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            files.push(File { path: path.strip_prefix(root).unwrap().display().to_string(), text });
        }
    }
    files
}

fn assert_none_mentions(folders: &[&str], words: &[&str]) {
    for file in rust_files(folders) {
        for word in words {
            assert!(!file.text.contains(word), "{} must not know {word}", file.path);
        }
    }
}

#[test]
fn domains_know_nothing_of_http_or_actors() {
    let words = ["crate::http", "crate::actors", "axum::", "ractor::"];
    assert_none_mentions(&["src/events", "src/accounts"], &words);
}

#[test]
fn only_the_kernel_knows_ractor() {
    for file in rust_files(&["src", "tests/it"]) {
        if !file.path.starts_with("src/actors/kernel") {
            assert!(!file.text.contains("ractor::"), "{} must use the kernel", file.path);
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in rust_files(&["src", "tests", "bench"]) {
        assert!(file.text.starts_with("//!"), "{} has no module documentation", file.path);
    }
}

#[test]
fn no_file_outgrows_its_reader() {
    for file in rust_files(&["src", "tests", "bench"]) {
        assert!(file.code_lines() <= LINES_MAX, "{} has {} lines: split it", file.path, file.code_lines());
    }
}

#[test]
fn nothing_is_left_undone_or_ignored() {
    for file in rust_files(&["src", "tests/it", "bench"]) {
        for word in ["todo!(", "unimplemented!(", "#[ignore"] {
            assert!(!file.text.contains(word), "{} contains {word}", file.path);
        }
    }
}

#[test]
fn statement_labels_are_unique() {
    let mut seen = std::collections::HashMap::new();
    for file in rust_files(&["src"]) {
        for line in file.text.lines().filter(|line| line.contains("&str = \"-- ")) {
            let label = line.split("\"-- ").nth(1).unwrap_or_default().trim().to_owned();
            if let Some(other) = seen.insert(label.clone(), file.path.clone()) {
                panic!("two statements are called {label}: {other} and {}", file.path);
            }
        }
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.contains("dependencies]");
        } else if inside && line.contains(" = ") && !line.starts_with('#') {
            assert!(line.contains(" # "), "a dependency without its reason: {line}");
        }
    }
}
