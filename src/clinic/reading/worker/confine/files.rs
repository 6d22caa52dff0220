//! No files, no network by Landlock. It needs no rights, and stays over `exec`.

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::Role;

/// The newest of Landlock that is asked for; older kernels give what they have.
const ASKED: ABI = ABI::V6;
/// Where programs, their libraries and data lie.
const PROGRAMS: [&str; 7] =
    ["/usr", "/lib", "/lib64", "/opt", "/nix/store", "/etc/ld.so.cache", "/etc/ld.so.conf.d"];

/// Whether it is done, even if by an older kernel not in full.
pub(super) fn close(role: Role<'_>) -> bool {
    enforce(role).is_ok_and(|status| status != RulesetStatus::NotEnforced)
}

fn enforce(role: Role<'_>) -> Result<RulesetStatus, RulesetError> {
    let reading: BitFlags<AccessFs> = AccessFs::from_read(ASKED);
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(ASKED))?
        .handle_access(AccessNet::from_all(ASKED))?
        .scope(Scope::from_all(ASKED))?
        .create()?;
    if let Role::Program(program) = role {
        let paths = PROGRAMS.iter().map(Path::new).chain(std::iter::once(own(program)));
        rules = rules.add_rules(path_beneath_rules(paths, reading))?;
    }
    Ok(rules.restrict_self()?.ruleset)
}

/// Where a program has its own: its libraries and data may lie beside it. In the root everything does: there it has itself alone.
fn own(program: &Path) -> &Path {
    program.parent().filter(|folder| folder.parent().is_some()).unwrap_or(program)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::own;

    #[test]
    fn a_program_in_the_root_has_not_all_that_is_below_it() {
        assert_eq!(own(Path::new("/srv/ocr/tesseract")), Path::new("/srv/ocr"));
        assert_eq!(own(Path::new("/srv/tesseract")), Path::new("/srv"));
        assert_eq!(own(Path::new("/tesseract")), Path::new("/tesseract"));
    }
}
