//! Amounts in sentences for people: "1 ticket", "2 tickets".

/// `count` with the word that fits it, which may bring its verb.
pub(super) fn counted(count: impl Into<i64>, one: &str, many: &str) -> String {
    match count.into() {
        0 => format!("no {many}"),
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_not_many() {
        let left = |count: i32| counted(count, "ticket is", "tickets are");
        assert_eq!([left(0), left(1), left(2)], ["no tickets are", "1 ticket is", "2 tickets are"]);
    }
}
