//! People with a password, as the command line makes them.

use std::{os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc};

use sportello::{
    accounts::{
        passwords::{Argon, Password},
        policy::Role,
        users::{self, NewUser, User},
    },
    app::App,
    ids::UserId,
    mail::Language,
};

use super::{app::TestApp, client::Client};

/// Everybody's password in tests.
pub(crate) const PASSWORD: &str = "un cavallo a dondolo";

/// Everybody whom a route may have to tell apart.
pub(crate) struct Cast {
    pub(crate) anonymous: Client,
    pub(crate) user: Client,
    pub(crate) stranger: Client,
    pub(crate) host: Client,
    pub(crate) other_host: Client,
    pub(crate) admin: Client,
    pub(crate) host_account: User,
    pub(crate) user_account: User,
    pub(crate) stranger_account: User,
}

impl TestApp {
    /// Two users, two hosts and an administrator, logged in.
    pub(crate) async fn a_cast(&self) -> Cast {
        let host = self.a_person_with(Role::Host).await;
        let (user, stranger) = (self.a_person().await, self.a_person().await);
        Cast {
            anonymous: self.anonymous(),
            user: self.log_in(&user).await,
            stranger: self.log_in(&stranger).await,
            host: self.log_in(&host).await,
            other_host: self.log_in(&self.a_person_with(Role::Host).await).await,
            admin: self.log_in(&self.a_person_with(Role::Admin).await).await,
            host_account: host,
            user_account: user,
            stranger_account: stranger,
        }
    }

    /// Makes a person who can log in.
    pub(crate) async fn a_person(&self) -> User {
        self.a_person_with(Role::Client).await
    }

    /// Makes a person of a role.
    pub(crate) async fn a_person_with(&self, role: Role) -> User {
        let hash = Argon::new(&self.app.config.accounts).unwrap().hash(&Password::new(PASSWORD));
        self.make_person(role, hash).await
    }

    /// Makes a person whose password was hashed with other parameters.
    pub(crate) async fn a_person_hashed_with(&self, passes: usize, memory: usize) -> User {
        let mut config = self.app.config.accounts.clone();
        (config.password_passes, config.password_memory.0) = (passes, memory);
        self.make_person(Role::Client, Argon::new(&config).unwrap().hash(&Password::new(PASSWORD))).await
    }

    async fn make_person(&self, role: Role, password_hash: String) -> User {
        let now = self.app.clock.now();
        let new = NewUser {
            email: format!("{}@example.org", UserId::new(now)),
            name: "Anna Bianchi".to_owned(),
            roles: role.into(),
            language: Language::It,
            password_hash,
        };
        let mut tx = self.app.db.begin("tests.person").await.unwrap();
        let user = users::create(&mut tx, &new, now).await.unwrap();
        tx.commit().await.unwrap();
        user
    }

    /// Stops the application and starts it again on the same database.
    pub(crate) async fn restart(self) -> Self {
        let Self { app, database, scratch } = self;
        let (config, clock) = (Arc::clone(&app.config), app.clock.clone());
        app.stop().await;
        let app = App::start(config, clock).await.expect("the application starts again");
        Self { app, database, scratch }
    }

    /// Every mail in the outbox, oldest first, as text.
    pub(crate) fn mails(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.scratch.path().join("outbox/new")) else {
            return Vec::new();
        };
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
        let others = |path: &PathBuf| path.metadata().unwrap().permissions().mode() & 0o077;
        assert!(paths.iter().all(|path| others(path) == 0), "nobody else reads mails");
        paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }
}
