//! Who is at the machine: named in the journal for what is done on the command line.

use crate::text;

/// Users and their numbers; `sudo` and service managers set other variables, this table is the machine's own.
const USERS: &str = "/etc/passwd";

/// What the journal keeps of them, whatever the command: the number, which cannot be made up, and its name; behind
/// `sudo`, also who called it.
pub(super) fn details() -> serde_json::Value {
    let (uid, name) = account();
    let mut details = serde_json::json!({ "via": "cli", "os_user": name, "uid": uid });
    if let Some(caller) = caller(&name) {
        details["sudo_user"] = caller.into();
    }
    details
}

/// `os:` and the name of the user of this process; behind `sudo`, also who called it.
pub(super) fn name() -> String {
    let (_, name) = account();
    match caller(&name) {
        Some(caller) => format!("os:{name} (sudo by {caller})"),
        None => format!("os:{name}"),
    }
}

/// A reason for the journal: the same rule as over HTTP.
pub(super) fn reason(text: &str) -> Result<String, String> {
    text::wrong(text, text::REASON)
        .map_or_else(|| Ok(text.trim().to_owned()), |(_, detail)| Err(detail.into_owned()))
}

/// The user of this process; one that the machine's table does not know is named by its number.
fn account() -> (u32, String) {
    let uid = rustix::process::getuid().as_raw();
    let users = std::fs::read_to_string(USERS).unwrap_or_default();
    let name = user(&users, uid).map_or_else(|| uid.to_string(), str::to_owned);
    (uid, name)
}

fn caller(name: &str) -> Option<String> {
    std::env::var("SUDO_USER").ok().filter(|caller| !caller.is_empty() && caller != name)
}

fn user(users: &str, uid: u32) -> Option<&str> {
    let is_it = |line: &&str| line.split(':').nth(2).is_some_and(|field| field.parse() == Ok(uid));
    users.lines().find(is_it)?.split(':').next()
}

#[cfg(test)]
mod tests {
    #[test]
    fn users_are_found_by_their_number() {
        let users = "root:x:0:0::/:/bin/sh\nanna:x:1000:1000::/:/bin/sh\nbroken\n";
        assert_eq!(super::user(users, 1000), Some("anna"));
        assert_eq!(super::user(users, 7), None);
        let (uid, name) = super::account();
        assert!(super::name().starts_with(&format!("os:{name}")));
        let details = super::details();
        assert_eq!(
            (&details["via"], &details["os_user"], &details["uid"]),
            (&"cli".into(), &name.into(), &uid.into())
        );
    }
}
