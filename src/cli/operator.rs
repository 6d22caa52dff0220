//! Who is at the machine: named in the journal for what is done on the command line.

/// Users and their numbers; `sudo` and service managers set other variables, this table is the machine's own.
const USERS: &str = "/etc/passwd";

/// `os:` and the name of the user of this process; behind `sudo`, also who called it.
pub(super) fn name() -> String {
    let uid = rustix::process::getuid().as_raw();
    let users = std::fs::read_to_string(USERS).unwrap_or_default();
    let name = user(&users, uid).map_or_else(|| uid.to_string(), str::to_owned);
    match std::env::var("SUDO_USER") {
        Ok(caller) if !caller.is_empty() && caller != name => format!("os:{name} (sudo by {caller})"),
        _ => format!("os:{name}"),
    }
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
        assert!(super::name().starts_with("os:"));
    }
}
