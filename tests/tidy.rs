//! The repository's own rules, checked like everything else: no database, milliseconds.
//!
//! Lists of known offenders are ratchets: they may only get shorter, and a name that no longer offends must go.

#![allow(clippy::unwrap_used, reason = "a test fails where something unexpected happens")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest as _, Sha256};

/// Longer than this (without comments and blank lines), a file has more than one subject.
const LINES_MAX: usize = 500;
/// Half of the files are shorter than this.
const MEDIAN_MAX: usize = 150;
/// A `mod.rs` is an index.
const INDEX_MAX: usize = 100;

/// Files over [`LINES_MAX`].
const LONG_FILES_WE_KNOW: [&str; 0] = [];
/// Indexes over [`INDEX_MAX`]; `http/mod.rs` may hold the list of routes.
const LONG_INDEXES_WE_KNOW: [&str; 1] = ["src/events/selling/mod.rs"];
/// Tests that sleep.
const SLEEPING_TESTS_WE_KNOW: [&str; 0] = [];

struct File {
    path: String,
    text: String,
}

impl File {
    /// Lines that are neither blank nor comments.
    fn code(&self) -> impl Iterator<Item = &str> {
        self.text.lines().filter(|line| !matches!(line.trim(), "" | "//") && !line.trim().starts_with("//"))
    }

    fn code_lines(&self) -> usize {
        self.code().count()
    }

    fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The part before the unit tests, which stand at the end.
    fn product(&self) -> &str {
        if self.is_test() { "" } else { self.text.split("#[cfg(test)]\nmod ").next().unwrap_or_default() }
    }

    /// The unit tests.
    fn tests(&self) -> &str {
        if self.is_test() { &self.text } else { &self.text[self.product().len()..] }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn rust_files(folders: &[&str]) -> Vec<File> {
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut files = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            files.push(File { path: path.strip_prefix(root()).unwrap().display().to_string(), text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Everything that is in the repository; without git (an exported tree), everything but build output.
fn tracked_files() -> Vec<String> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let names = listed.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    names.map_or_else(Vec::new, |names| {
        let names = String::from_utf8(names).expect("file names are UTF-8");
        names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    })
}

fn assert_code_never_mentions(folders: &[&str], words: &[&str]) {
    for file in rust_files(folders) {
        for line in file.code() {
            for word in words {
                assert!(!line.contains(word), "{} must not know {word}: {}", file.path, line.trim());
            }
        }
    }
}

#[test]
fn domains_know_nothing_of_http_or_actors() {
    let words = ["crate::http", "crate::actors", "axum::", "ractor::"];
    assert_code_never_mentions(
        &["src/events", "src/accounts", "src/documents", "src/notary", "src/clinic"],
        &words,
    );
}

#[test]
fn jobs_know_nothing_of_http() {
    assert_code_never_mentions(&["src/jobs"], &["crate::http", "axum::", "ractor::"]);
}

#[test]
fn the_ground_knows_nothing_of_what_stands_on_it() {
    let domains =
        ["crate::http", "crate::events", "crate::accounts", "crate::notary", "crate::clinic", "axum::"];
    assert_code_never_mentions(
        &["src/db", "src/config", "src/postgres", "src/actors/kernel", "src/migrate.rs", "src/telemetry"],
        &domains,
    );
}

#[test]
fn only_the_kernel_knows_ractor() {
    for file in rust_files(&["src", "tests/it", "bench"]) {
        if !file.path.starts_with("src/actors/kernel/") {
            let knows = file.product().contains("ractor::") || file.text.contains("use ractor");
            assert!(!knows, "{} must use the kernel", file.path);
        }
    }
}

/// The fields of an event: what stands before its message, without the texts.
fn fields(call: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let mut fields = vec![String::new()];
    for letter in call.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => fields.push(String::new()),
            _ => fields.last_mut().unwrap().push(letter),
        }
    }
    fields
        .iter()
        .map(|it| it.split('=').next().unwrap().trim().trim_start_matches(['%', '?']).to_owned())
        .collect()
}

#[test]
fn no_event_has_a_second_message() {
    let mut events = 0;
    for file in rust_files(&["src"]) {
        for macro_name in ["trace", "debug", "info", "warn", "error", "event"] {
            for (_, call) in file.text.split(&format!("tracing::{macro_name}!(")).enumerate().skip(1) {
                events += 1;
                let fields = fields(call);
                assert!(
                    !fields.iter().any(|it| it == "message"),
                    "{}: JSON would have it twice: {fields:?}",
                    file.path
                );
            }
        }
    }
    assert!(events > 50, "only {events} events were found");
    assert_eq!(fields("a.b = %x(1, 2), %message, \"c, d\")"), ["a.b", "message", ""]);
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in rust_files(&["src", "tests", "bench"]) {
        assert!(file.text.starts_with("//!"), "{} has no module documentation", file.path);
    }
}

#[test]
fn no_file_outgrows_its_reader() {
    let files = rust_files(&["src", "tests", "bench"]);
    let long: Vec<&str> =
        files.iter().filter(|file| file.code_lines() > LINES_MAX).map(|file| file.path.as_str()).collect();
    assert_eq!(long, LONG_FILES_WE_KNOW, "over {LINES_MAX} lines: split it, or shorten the list");
}

#[test]
fn half_of_the_files_are_short() {
    let mut lengths: Vec<usize> = rust_files(&["src"]).iter().map(File::code_lines).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= MEDIAN_MAX, "the median file has {median} lines; {MEDIAN_MAX} is the most");
}

#[test]
fn indexes_stay_indexes() {
    let files = rust_files(&["src"]);
    let long: Vec<&str> = files
        .iter()
        .filter(|file| file.path.ends_with("/mod.rs") && file.path != "src/http/mod.rs")
        .filter(|file| file.code_lines() > INDEX_MAX)
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(long, LONG_INDEXES_WE_KNOW, "over {INDEX_MAX} lines: move code to a file of its own");
    assert!(read("src/main.rs").lines().count() <= 50, "src/main.rs only calls the library");
}

#[test]
fn nothing_is_left_undone_or_ignored() {
    for file in rust_files(&["src", "tests/it", "bench"]) {
        for word in ["todo!(", "unimplemented!(", "#[ignore", "FIXME", "XXX"] {
            assert!(!file.text.contains(word), "{} contains {word}", file.path);
        }
    }
}

#[test]
fn tests_await_and_never_sleep() {
    let sleeps = |file: &File| {
        ["time::sleep(", "thread::sleep(", " sleep(", "sleep_until("]
            .iter()
            .any(|it| file.tests().contains(it))
    };
    let files = rust_files(&["src", "tests/it"]);
    let sleeping: Vec<&str> =
        files.iter().filter(|file| sleeps(file)).map(|file| file.path.as_str()).collect();
    assert_eq!(sleeping, SLEEPING_TESTS_WE_KNOW, "await a signal or move the clock, or shorten the list");
}

#[test]
fn the_product_never_unwraps_without_a_word() {
    for file in rust_files(&["src"]) {
        let bare =
            file.product().lines().find(|line| line.contains(".unwrap()") && !line.trim().starts_with("//"));
        assert!(bare.is_none(), "{}: say why it cannot happen: {}", file.path, bare.unwrap().trim());
    }
}

#[test]
fn statements_have_unique_dotted_labels() {
    let mut seen = BTreeMap::new();
    for file in rust_files(&["src"]) {
        // A macro that puts the label in is not a statement.
        let literals = file.product().split("\"-- ").skip(1).filter(|text| !text.starts_with("\", $"));
        for literal in literals {
            if literal.starts_with("no-transaction") {
                continue; // a mark of migration files
            }
            let label = literal.split(['\n', '\\', '"']).next().unwrap_or_default().trim();
            let dotted = label.contains('.')
                && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c));
            assert!(dotted, "{}: {label:?} is not a label like events.bookings.take", file.path);
            if let Some(other) = seen.insert(label.to_owned(), file.path.clone()) {
                panic!("two statements are called {label}: {other} and {}", file.path);
            }
        }
    }
}

#[test]
fn every_feature_of_the_jobs_names_tests_that_exist() {
    let sources: String = rust_files(&["src", "tests"]).iter().map(|file| file.text.as_str()).collect();
    let table = fs::read_to_string(root().join("src/jobs/features.md")).unwrap();
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 40, "the table has {} rows", rows.len());
    for row in rows {
        let shown = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let tests: Vec<_> = shown.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "nothing shows {row}");
        for test in tests {
            assert!(sources.contains(&format!("fn {test}()")), "there is no test {test}: {row}");
        }
    }
}

#[test]
fn every_guarantee_of_the_jobs_has_tests_with_its_number() {
    let sources: String = rust_files(&["tests"]).iter().map(|file| file.text.as_str()).collect();
    let contract = fs::read_to_string(root().join("src/jobs/mod.rs")).unwrap();
    // The tenth is measured: a test would be a timed one.
    for number in (1..=11).filter(|number| *number != 10) {
        assert!(contract.contains(&format!("//! - **G{number}**")), "G{number} is not written down");
        assert!(sources.contains(&format!("fn g{number}_")), "no test shows G{number}");
    }
}

#[test]
fn statements_of_the_database_are_labelled() {
    const VERBS: [&str; 6] = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ", "COPY "];
    // Pieces that a labelled statement is put together from.
    const PIECES_WE_KNOW: [&str; 2] = ["src/events/catalogue/list.rs", "src/notary/directory/list.rs"];
    // Statements that run before there are lanes, pool and observer.
    const OUTSIDE: [&str; 5] = ["src/migrate.rs", "src/postgres/", "src/cli/", "src/db/", "src/seed/"];
    let excepted = |path: &str| OUTSIDE.iter().chain(&PIECES_WE_KNOW).any(|it| path.starts_with(it));
    for file in rust_files(&["src"]).iter().filter(|file| !excepted(&file.path)) {
        for line in file.product().lines().filter(|line| !line.trim().starts_with("//")) {
            let constant = line.contains("const ") && line.contains(": &str = \"");
            let verb = VERBS.iter().any(|verb| line.contains(&format!("\"{verb}")));
            assert!(!(constant && verb), "{}: no label: {}", file.path, line.trim());
        }
    }
}

#[test]
fn types_of_the_description_have_names_of_their_own() {
    // Two types with one name would be one schema: whichever comes last.
    let mut seen = BTreeMap::new();
    for file in rust_files(&["src"]) {
        for declared in file.product().split("ToSchema").skip(1) {
            let Some((attributes, item)) = declared
                .split_once("struct ")
                .into_iter()
                .chain(declared.split_once("enum "))
                .min_by_key(|(before, _)| before.len())
            else {
                continue;
            };
            if attributes.contains("\n}") || attributes.contains(';') {
                continue; // an import
            }
            let given =
                attributes.split("schema(as = ").nth(1).and_then(|rest| rest.split([')', ',']).next());
            let name = given.unwrap_or_else(|| item.split(|c: char| !c.is_alphanumeric()).next().unwrap());
            if name.is_empty() || name.starts_with('$') {
                continue; // a macro's: it is described where the macro is used
            }
            if let Some(other) = seen.insert(name.to_owned(), file.path.clone()) {
                panic!(
                    "two types are described as {name}: {other} and {}; write #[schema(as = …)]",
                    file.path
                );
            }
        }
    }
    assert!(seen.len() > 30, "{seen:?}");
}

#[test]
fn every_key_of_the_configuration_is_read() {
    let sources: Vec<File> =
        rust_files(&["src"]).into_iter().filter(|file| !file.path.starts_with("src/config/")).collect();
    // `config.limits.enabled` is read as `limits.enabled` or, taken apart, as `.enabled`.
    let is_read = |key: &str| {
        let field = format!(".{key}");
        sources.iter().any(|file| {
            file.product().match_indices(&field).any(|(at, _)| {
                let after = file.text[at + field.len()..].chars().next();
                !after.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '(')
            })
        })
    };
    let defaults: toml::Table = read("config/default.toml").parse().unwrap();
    let unused: BTreeSet<String> = defaults
        .iter()
        .flat_map(|(section, keys)| keys.as_table().unwrap().keys().map(move |key| (section, key)))
        .filter(|(_, key)| !is_read(key))
        .map(|(section, key)| format!("{section}.{key}"))
        .collect();
    assert!(unused.is_empty(), "keys that nothing reads: {unused:?}");
}

#[test]
fn every_dependency_has_its_reason() {
    let mut inside = false;
    for line in read("Cargo.toml").lines() {
        if line.starts_with('[') {
            inside = line.contains("dependencies]");
        } else if inside && line.contains(" = ") && !line.starts_with('#') {
            assert!(line.contains(" # "), "a dependency without its reason: {line}");
        }
    }
}

#[test]
fn dependencies_come_from_the_public_registry() {
    for line in read("Cargo.lock").lines().filter(|line| line.starts_with("source = ")) {
        assert!(line.contains("registry+https://github.com/rust-lang/crates.io-index"), "{line}");
    }
}

#[test]
fn released_migrations_are_never_edited() {
    let mut names: Vec<String> = fs::read_dir(root().join("migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "sql"))
        .collect();
    names.sort();
    let mut now = String::new();
    for name in names {
        for byte in Sha256::digest(read(&format!("migrations/{name}")).as_bytes()) {
            let _ = write!(now, "{byte:02x}");
        }
        let _ = writeln!(now, "  {name}");
    }
    assert_eq!(
        now,
        read("migrations/checksums.txt"),
        "an edited migration is refused by every database that has it: put the change into a new file, and add that \
         with `(cd migrations && sha256sum *.sql > checksums.txt)`"
    );
}

#[test]
fn nothing_names_the_machine_it_was_made_on() {
    // Split, so that this file does not contain them.
    let words = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    for path in tracked_files() {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for (number, line) in text.lines().enumerate() {
            for word in words {
                let named = line.match_indices(word).any(|(at, _)| {
                    !line[..at].ends_with(|c: char| c.is_alphanumeric() || "_-$}{.".contains(c))
                });
                assert!(!named, "{path}:{}: names a path of one machine: {}", number + 1, line.trim());
            }
        }
    }
}

#[test]
fn the_pages_exist_and_the_code_map_names_every_module() {
    for page in
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"]
    {
        assert!(!read(page).trim().is_empty(), "{page} is empty");
    }
    let architecture = read("ARCHITECTURE.md");
    for line in read("src/lib.rs").lines() {
        let Some(module) = line.strip_prefix("pub mod ").and_then(|line| line.strip_suffix(';')) else {
            continue;
        };
        let named =
            [format!("src/{module}"), format!("`{module}"), format!("{module}.rs"), format!("{module}/")];
        assert!(
            named.iter().any(|name| architecture.contains(name)),
            "ARCHITECTURE.md does not name {module}"
        );
    }
}
