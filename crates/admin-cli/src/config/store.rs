//! Finds the database that keeps the records, if one is configured.

use std::path::PathBuf;

use super::environment::Environment;
use super::heads::HEADS;
use super::profile::Profile;

/// The variable that names the database.
pub const STORE: &str = "EASEMOB_STORE";
/// The variables that say where its password comes from.
pub const PASSWORD_FILE: &str = "EASEMOB_STORE_PASSWORD_FILE";
/// A command that prints it.
pub const PASSWORD_COMMAND: &str = "EASEMOB_STORE_PASSWORD_COMMAND";
/// A password file of PostgreSQL.
pub const PASSFILE: &str = "PGPASSFILE";

/// A database, and where its password comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreAt {
    /// The address: `postgres://user@host/database`.
    pub address: String,
    /// The source of the password.
    pub password: StorePassword,
    /// Where heads of its audit trail are kept outside of it, as it was written.
    pub heads: Option<String>,
}

/// Where the password of a database comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorePassword {
    /// There is none.
    Nothing,
    /// A file with nothing else in it.
    File(PathBuf),
    /// A command that prints it.
    Command(String),
    /// A password file of PostgreSQL.
    PassFile(PathBuf),
}

/// Returns the database: that of the command line, of the environment, or of the profile in use. `None` keeps records in
/// the data directory.
///
/// A password belongs to its address: that of a profile goes to no other database. The sandbox of `--sandbox` keeps its
/// records on this machine, unless the command line names a database.
#[must_use]
pub fn configured(
    flag: Option<&str>,
    sandbox: bool,
    environment: &Environment,
    profile: Option<&Profile>,
) -> Option<StoreAt> {
    let variable = environment.get(STORE).filter(|_| !sandbox);
    if let Some(address) = flag.or(variable) {
        let own = match (environment.get(PASSWORD_FILE), environment.get(PASSWORD_COMMAND)) {
            (Some(file), _) => Some(StorePassword::File(environment.at_home(file.as_ref()))),
            (None, command) => command.map(|command| StorePassword::Command(command.to_owned())),
        };
        return Some(at(address, own, None, environment));
    }
    let profile = profile.filter(|_| !sandbox)?;
    let address = profile.store.as_deref()?;
    let own = match (&profile.store_password_file, &profile.store_password_command) {
        (Some(file), _) => Some(StorePassword::File(environment.at_home(file))),
        (None, command) => command.clone().map(StorePassword::Command),
    };
    Some(at(address, own, profile.store_heads.as_deref(), environment))
}

fn at(address: &str, own: Option<StorePassword>, heads: Option<&str>, environment: &Environment) -> StoreAt {
    let shared = || {
        environment
            .get(PASSFILE)
            .map(|file| StorePassword::PassFile(environment.at_home(file.as_ref())))
    };
    StoreAt {
        address: address.to_owned(),
        password: own.or_else(shared).unwrap_or(StorePassword::Nothing),
        heads: environment.get(HEADS).or(heads).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_to_its_own_database_only() {
        let profile = Profile {
            store: Some("postgres://ann@profile/team".into()),
            store_password_command: Some("pass show team".into()),
            ..Profile::default()
        };
        let none: &[(&str, &str)] = &[];
        let variable = &[(STORE, "postgres://ann@variable/team"), (PASSWORD_FILE, "/p")];
        let passfile = &[(PASSFILE, "/pgpass")];
        let command = StorePassword::Command("pass show team".into());
        let file = StorePassword::File("/p".into());
        let shared = StorePassword::PassFile("/pgpass".into());
        for (flag, sandbox, environment, expected) in [
            (None, false, none, Some(("profile", command.clone()))),
            (None, false, variable, Some(("variable", file.clone()))),
            (None, false, passfile, Some(("profile", command))),
            (Some("flag"), false, none, Some(("flag", StorePassword::Nothing))),
            (Some("flag"), false, variable, Some(("flag", file))),
            (Some("flag"), false, passfile, Some(("flag", shared))),
            (Some("flag"), true, none, Some(("flag", StorePassword::Nothing))),
            (None, true, variable, None),
        ] {
            let address = |host: &str| format!("postgres://ann@{host}/team");
            let environment: Environment = environment.iter().copied().collect();
            let found = configured(
                flag.map(address).as_deref(),
                sandbox,
                &environment,
                Some(&profile),
            );
            let expected = expected.map(|(host, password)| StoreAt {
                address: address(host),
                password,
                heads: None,
            });
            assert_eq!(found, expected, "{flag:?} {sandbox} {environment:?}");
        }
        assert_eq!(configured(None, false, &Environment::default(), None), None);
    }

    #[test]
    fn heads_go_where_the_environment_says_or_else_the_profile_of_the_database() {
        let profile = Profile {
            store: Some("postgres://ann@profile/team".into()),
            store_heads: Some("/profile".into()),
            ..Profile::default()
        };
        let flag = Some("postgres://ann@flag/team");
        for (flag, variable, expected) in [
            (None, None, Some("/profile")),
            (None, Some("/variable"), Some("/variable")),
            (flag, None, None),
            (flag, Some("/variable"), Some("/variable")),
        ] {
            let environment: Environment = variable.map(|text| (HEADS, text)).into_iter().collect();
            let found = configured(flag, false, &environment, Some(&profile)).unwrap();
            assert_eq!(found.heads.as_deref(), expected, "{flag:?} {variable:?}");
        }
    }
}
