//! Which server and app a command uses: a flag before the environment before the profile, and no other
//! source.
//!
//! The sandbox is used only on request. Two further rules keep an operator from acting on the wrong app:
//! `--profile` on the command line overrides a target in the environment, and the default profile only
//! supplies what flags and environment leave open. [`super::origin`] decides whether that target may receive
//! the credentials of the profile.

use super::profile_file::ProfileFile;
use easemob_admin_words::t;

/// A target as given by one layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    /// The name of a profile.
    pub profile: Option<String>,
    /// The server.
    pub server: Option<String>,
    /// The app key.
    pub app: Option<String>,
    /// The root URL of all calls.
    pub app_root: Option<String>,
}

/// Where the calls of a command go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aim {
    /// To the embedded sandbox.
    Sandbox,
    /// To a server.
    Server {
        /// How the server and the app are given.
        address: Address,
        /// The profile that contributes to it, also for credentials.
        profile: Option<String>,
    },
}

/// A server and an app, in one of the two forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A server and an app key.
    ServerAndApp {
        /// The server.
        server: String,
        /// The app key.
        app: String,
    },
    /// The root URL of all calls.
    Root(String),
}

/// Why there is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTarget {
    /// Nothing names a target.
    #[error("{}", t!("no server is configured"))]
    Nothing,
    /// Both the sandbox and a server are requested.
    #[error("{}", t!("`--sandbox` and `{0}` cannot be combined", _0))]
    SandboxAndServer(&'static str),
    /// The named profile does not exist.
    #[error("{}", t!("profile `{name}` does not exist"))]
    NoSuchProfile {
        /// The name.
        name: String,
        /// The most similar name.
        nearest: Option<String>,
        /// All names.
        known: Vec<String>,
    },
    /// Only the server is known.
    #[error("{}", t!("the server is {0}, but no app was given", _0))]
    NoApp(String),
    /// Only the app is known.
    #[error("{}", t!("the app is {0}, but no server was given", _0))]
    NoServer(String),
    /// One layer uses both forms.
    #[error("{}", t!("{0} gives both an app root and a server or an app; use one of the two forms", _0))]
    TwoForms(&'static str),
}

/// Finds the target of a command.
///
/// # Errors
/// When no target is named, or the target is incomplete or contradictory.
pub fn target(
    sandbox: bool,
    flags: &Layer,
    environment: &Layer,
    file: &ProfileFile,
) -> Result<Aim, NoTarget> {
    if sandbox {
        let explicit = [
            ("--profile", &flags.profile),
            ("--server", &flags.server),
            ("--app", &flags.app),
            ("--app-root", &flags.app_root),
        ];
        return match explicit.into_iter().find(|(_, value)| value.is_some()) {
            Some((flag, _)) => Err(NoTarget::SandboxAndServer(flag)),
            None => Ok(Aim::Sandbox),
        };
    }
    let silent = Layer::default();
    let environment = if flags.profile.is_some() {
        &silent
    } else {
        environment
    };
    let named = flags.profile.as_ref().or(environment.profile.as_ref());
    if let Some(name) = named {
        file.find(name)?;
    }
    let from_profile = |name: &String| {
        let profile = &file.profiles[name];
        Layer {
            profile: None,
            server: profile.server.clone(),
            app: profile.app.clone(),
            app_root: profile.app_root.clone(),
        }
    };
    let mut layers = vec![
        ("the command line", flags.clone()),
        ("the environment", environment.clone()),
    ];
    if let Some(name) = named {
        layers.push(("the profile", from_profile(name)));
    }
    match (address(&layers), named, &file.default) {
        (Ok(address), named, _) => Ok(Aim::Server {
            address,
            profile: named.cloned(),
        }),
        (Err(NoTarget::Nothing | NoTarget::NoApp(_) | NoTarget::NoServer(_)), None, Some(default)) => {
            file.find(default)?;
            layers.push(("the profile", from_profile(default)));
            Ok(Aim::Server {
                address: address(&layers)?,
                profile: Some(default.clone()),
            })
        }
        (Err(error), _, _) => Err(error),
    }
}

fn address(layers: &[(&'static str, Layer)]) -> Result<Address, NoTarget> {
    let (mut server, mut app) = (None, None);
    for (name, layer) in layers {
        if let Some(root) = &layer.app_root {
            if layer.server.is_some() || layer.app.is_some() {
                return Err(NoTarget::TwoForms(name));
            }
            // Half a target from a higher layer cannot be combined with a root from a lower one.
            if server.is_none() && app.is_none() {
                return Ok(Address::Root(root.clone()));
            }
            break;
        }
        server = server.or_else(|| layer.server.clone());
        app = app.or_else(|| layer.app.clone());
        if let (Some(server), Some(app)) = (&server, &app) {
            return Ok(Address::ServerAndApp {
                server: server.clone(),
                app: app.clone(),
            });
        }
    }
    match (server, app) {
        (Some(server), _) => Err(NoTarget::NoApp(server)),
        (_, Some(app)) => Err(NoTarget::NoServer(app)),
        _ => Err(NoTarget::Nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `server=s app=a` and the like.
    fn layer(text: &str) -> Layer {
        let mut layer = Layer::default();
        for (key, value) in text.split_whitespace().map(|pair| pair.split_once('=').unwrap()) {
            let place = match key {
                "profile" => &mut layer.profile,
                "server" => &mut layer.server,
                "app" => &mut layer.app,
                "root" => &mut layer.app_root,
                _ => panic!("{key}"),
            };
            *place = Some(value.to_owned());
        }
        layer
    }

    fn file(default: Option<&str>) -> ProfileFile {
        let text = r#"
            profiles.prod = { server = "prod", app = "o#prod" }
            profiles.root = { app_root = "https://r/o/r" }
            profiles.half = { server = "half" }
        "#;
        ProfileFile {
            default: default.map(str::to_owned),
            ..toml::from_str(text).unwrap()
        }
    }

    fn decide(sandbox: bool, flags: &str, environment: &str, default: Option<&str>) -> String {
        match target(sandbox, &layer(flags), &layer(environment), &file(default)) {
            Ok(Aim::Sandbox) => "sandbox".into(),
            Ok(Aim::Server { address, profile }) => {
                let address = match address {
                    Address::ServerAndApp { server, app } => format!("{server} {app}"),
                    Address::Root(root) => root,
                };
                format!("{address} ({})", profile.as_deref().unwrap_or("-"))
            }
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn precedence() {
        let prod = Some("prod");
        let table = [
            // Nothing given.
            (false, "", "", None, "error: no server is configured"),
            (false, "", "", prod, "prod o#prod (prod)"),
            (false, "", "", Some("root"), "https://r/o/r (root)"),
            (
                false,
                "",
                "",
                Some("gone"),
                "error: profile `gone` does not exist",
            ),
            // Flag before environment before profile.
            (false, "server=f app=o#f", "server=e app=o#e", prod, "f o#f (-)"),
            (false, "", "server=e app=o#e", prod, "e o#e (-)"),
            (false, "app=o#f", "server=e app=o#e", prod, "e o#f (-)"),
            (false, "app=o#f", "", prod, "prod o#f (prod)"),
            (false, "server=f", "", prod, "f o#prod (prod)"),
            (false, "root=https://f", "server=e app=o#e", prod, "https://f (-)"),
            (false, "", "root=https://e", prod, "https://e (-)"),
            // A named profile.
            (false, "profile=root", "", prod, "https://r/o/r (root)"),
            (false, "", "profile=root", prod, "https://r/o/r (root)"),
            (false, "profile=prod", "profile=root", None, "prod o#prod (prod)"),
            (
                false,
                "profile=prod",
                "server=e app=o#e",
                None,
                "prod o#prod (prod)",
            ),
            (
                false,
                "profile=prod",
                "root=https://e",
                None,
                "prod o#prod (prod)",
            ),
            (false, "profile=prod server=f", "", None, "f o#prod (prod)"),
            (false, "", "profile=prod server=e", None, "e o#prod (prod)"),
            (
                false,
                "profile=prdo",
                "",
                prod,
                "error: profile `prdo` does not exist",
            ),
            (
                false,
                "",
                "profile=gone server=e app=o#e",
                prod,
                "error: profile `gone` does not exist",
            ),
            // Halves.
            (
                false,
                "server=f",
                "",
                None,
                "error: the server is f, but no app was given",
            ),
            (
                false,
                "app=o#f",
                "",
                None,
                "error: the app is o#f, but no server was given",
            ),
            (
                false,
                "profile=half",
                "",
                prod,
                "error: the server is half, but no app was given",
            ),
            (
                false,
                "profile=half",
                "app=o#e",
                prod,
                "error: the server is half, but no app was given",
            ),
            (
                false,
                "app=o#f",
                "",
                Some("root"),
                "error: the app is o#f, but no server was given",
            ),
            // Two forms in one layer.
            (
                false,
                "",
                "root=https://e app=o#e",
                None,
                "error: the environment gives both an app root and a server or an app; use one of the two forms",
            ),
            // The sandbox, only when asked for.
            (true, "", "", None, "sandbox"),
            (true, "", "profile=prod server=e app=o#e", prod, "sandbox"),
            (
                true,
                "server=f",
                "",
                None,
                "error: `--sandbox` and `--server` cannot be combined",
            ),
            (
                true,
                "profile=prod",
                "",
                None,
                "error: `--sandbox` and `--profile` cannot be combined",
            ),
            (
                true,
                "root=https://f",
                "",
                None,
                "error: `--sandbox` and `--app-root` cannot be combined",
            ),
        ];
        for (sandbox, flags, environment, default, expected) in table {
            let found = decide(sandbox, flags, environment, default);
            assert_eq!(
                found, expected,
                "sandbox={sandbox} flags=[{flags}] env=[{environment}] default={default:?}"
            );
        }
    }
}
