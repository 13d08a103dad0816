//! Finds the service that acts for this command, if one is configured.

use easemob_admin_words::t;
use secrecy::SecretString;

use super::credentials::SecretPlace;
use super::environment::Environment;
use super::precedence::{Layer, NoTarget};
use super::profile::Profile;
use super::profile_file::ProfileFile;

/// The variable that names the service.
pub const SERVICE: &str = "EASEMOB_SERVICE";
/// The variable with its key.
pub const KEY: &str = "EASEMOB_SERVICE_KEY";
/// The variable that names a file with its key.
pub const KEY_FILE: &str = "EASEMOB_SERVICE_KEY_FILE";
/// The variable with the app of the service.
pub const APP: &str = "EASEMOB_SERVICE_APP";

/// A service, and where its key comes from.
#[derive(Debug, Clone)]
pub struct ServiceAt {
    /// The address.
    pub url: String,
    /// The app; the only one that the key is for, if this is missing.
    pub app: Option<String>,
    /// Where the key is; people sign in where there is none.
    pub key: Option<SecretPlace>,
    /// The profile that names the service, with its name.
    pub profile: Option<(String, Profile)>,
}

/// Why it is not clear which service is meant, or with which key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoService {
    /// The profile does not exist.
    #[error(transparent)]
    Profile(#[from] NoTarget),
    /// The environment names a service and something else.
    #[error("{}", t!("{SERVICE} and {0} are both set, so it is not clear where requests go", _0))]
    TwoTargets(&'static str),
    /// The command line names a server, and the profile a service.
    #[error("{}", t!("profile `{profile}` is of a service, so it takes no {flag}"))]
    Server {
        /// The profile.
        profile: String,
        /// The option.
        flag: &'static str,
    },
}

/// Returns the service: that of the profile on the command line, of the environment, or of the profile in use.
///
/// A key belongs to its address: that of a profile goes to no other service, and that of the environment to the service that
/// the environment names.
///
/// # Errors
/// When the profile does not exist, or two targets are named at once.
pub fn configured(
    flags: &Layer,
    layer: &Layer,
    environment: &Environment,
    file: &ProfileFile,
) -> Result<Option<ServiceAt>, NoService> {
    let named = [
        ("--server", &flags.server),
        ("--app", &flags.app),
        ("--app-root", &flags.app_root),
    ];
    let direct = named
        .into_iter()
        .find(|(_, value)| value.is_some())
        .map(|(flag, _)| flag);
    if let Some(name) = &flags.profile {
        return of_profile(name, direct, environment, file);
    }
    if let Some(url) = environment.get(SERVICE).filter(|_| direct.is_none()) {
        let others = [
            "EASEMOB_PROFILE",
            "EASEMOB_SERVER",
            "EASEMOB_APP",
            "EASEMOB_APP_ROOT",
        ];
        if let Some(other) = others.into_iter().find(|name| environment.get(name).is_some()) {
            return Err(NoService::TwoTargets(other));
        }
        return Ok(Some(of_environment(url, environment)));
    }
    if let Some(name) = &layer.profile {
        return of_profile(name, direct, environment, file);
    }
    let is_named = [&layer.server, &layer.app, &layer.app_root]
        .into_iter()
        .any(Option::is_some);
    match &file.default {
        Some(default) if direct.is_none() && !is_named && file.profiles.contains_key(default) => {
            of_profile(default, None, environment, file)
        }
        _ => Ok(None),
    }
}

fn of_environment(url: &str, environment: &Environment) -> ServiceAt {
    let key = match (environment.get(KEY), environment.get(KEY_FILE)) {
        (Some(key), _) => Some(SecretPlace::Value(SecretString::from(key), KEY)),
        (None, Some(file)) => Some(SecretPlace::File(environment.at_home(file.as_ref()))),
        (None, None) => None,
    };
    ServiceAt {
        url: url.to_owned(),
        app: environment.get(APP).map(str::to_owned),
        key,
        profile: None,
    }
}

fn of_profile(
    name: &str,
    direct: Option<&'static str>,
    environment: &Environment,
    file: &ProfileFile,
) -> Result<Option<ServiceAt>, NoService> {
    let profile = file.find(name)?;
    let Some(url) = &profile.service else {
        return Ok(None);
    };
    if let Some(flag) = direct {
        return Err(NoService::Server {
            profile: name.to_owned(),
            flag,
        });
    }
    let key = match (&profile.service_key_file, &profile.service_key_command) {
        (Some(file), _) => Some(SecretPlace::File(environment.at_home(file))),
        (None, Some(command)) => Some(SecretPlace::Command(command.clone())),
        (None, None) => None,
    };
    Ok(Some(ServiceAt {
        url: url.clone(),
        app: Some(profile.service_app.clone().unwrap_or_else(|| name.to_owned())),
        key,
        profile: Some((name.to_owned(), profile.clone())),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> ProfileFile {
        let text = r#"
            profiles.ops = { service = "https://ops", service_key_file = "/k" }
            profiles.bare = { service = "https://bare" }
            profiles.direct = { server = "https://a1", app = "acme#chat" }
        "#;
        ProfileFile {
            default: Some("ops".into()),
            ..toml::from_str(text).unwrap()
        }
    }

    #[test]
    fn a_key_goes_to_its_own_service_only() {
        let flags = |profile: Option<&str>, server: Option<&str>| Layer {
            profile: profile.map(str::to_owned),
            server: server.map(str::to_owned),
            ..Layer::default()
        };
        let variable = &[(SERVICE, "https://env"), (KEY, "ea_env_key")][..];
        let keyless = &[(SERVICE, "https://env")][..];
        let two = &[
            (SERVICE, "https://env"),
            (KEY, "k"),
            ("EASEMOB_APP_ROOT", "https://h/a/b"),
        ][..];
        for (flags, environment, expected) in [
            (flags(None, None), &[][..], "https://ops ops /k"),
            (flags(Some("ops"), None), variable, "https://ops ops /k"),
            (flags(None, None), variable, "https://env - EASEMOB_SERVICE_KEY"),
            (flags(None, None), keyless, "https://env - nobody's"),
            (flags(Some("bare"), None), variable, "https://bare bare nobody's"),
            (flags(Some("direct"), None), variable, "none"),
            (flags(None, Some("https://a1")), variable, "none"),
            (
                flags(Some("ops"), Some("https://a1")),
                &[],
                "profile `ops` is of a service, so it takes no --server",
            ),
            (
                flags(None, None),
                two,
                "EASEMOB_SERVICE and EASEMOB_APP_ROOT are both set, so it is not clear where requests go",
            ),
        ] {
            let environment: Environment = environment.iter().copied().collect();
            let found = match configured(&flags, &Layer::default(), &environment, &file()) {
                Ok(None) => "none".to_owned(),
                Ok(Some(at)) => {
                    let key = at.key.as_ref().map_or("nobody's".to_owned(), ToString::to_string);
                    format!("{} {} {key}", at.url, at.app.as_deref().unwrap_or("-"))
                }
                Err(error) => error.to_string(),
            };
            assert_eq!(found, expected, "{flags:?} {environment:?}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let environment = Environment::from_iter([(SERVICE, "https://env"), (KEY, "ea_id_s3cret")]);
        let at = configured(
            &Layer::default(),
            &Layer::default(),
            &environment,
            &ProfileFile::default(),
        );
        assert!(!format!("{:?}", at.unwrap().unwrap()).contains("s3cret"));
    }
}
