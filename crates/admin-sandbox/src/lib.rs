//! A local server that behaves like the Easemob IM service: users, tokens, devices, device limits,
//! eviction and forced logout, with the same REST calls and the same answers.
//!
//! Use it to try the tools without an account, as a test double with controlled faults and clock, or as
//! a separate process for other programs.
//!
//! [`Sandbox`] is the handle of a running sandbox. The `rules` folder has the rules of the service (who may
//! sign in, who is evicted, which token is valid) without HTTP. The `server` folder answers the imitated
//! calls, the `realtime` folder the connections of devices, and the `control` folder the sandbox's own
//! `/sandbox/…` calls. Passwords and tokens are kept in clear text: do not use real ones.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use easemob_admin_sandbox::{DeviceLimits, Sandbox};
//!
//! let sandbox = Sandbox::start().await?;
//! sandbox.set_limits(DeviceLimits::multi(4).platform("web", 1))?;
//! sandbox.register("ann");
//!
//! let first = sandbox.sign_in("ann", "web")?;
//! let second = sandbox.sign_in("ann", "web")?;
//!
//! assert_eq!(second.evicted, [first.resource]);
//! sandbox.shutdown().await?;
//! # Ok(())
//! # }
//! ```

mod builder;
mod control;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod hex;
mod plain_http;
mod realtime;
mod rules;
mod sandbox;
mod seed;
mod server;
mod service;
mod simulated;
mod state_file;
mod webhooks;

pub use builder::SandboxBuilder;
pub use error::SandboxError;
pub use rules::clock::SandboxClock;
pub use rules::habits::{BatchStatus, DeviceOrder, Habits, LastPage, LogoutAnswer, Refusal};
pub use rules::limits::{DeviceLimits, LimitError, LimitMode, UserLimits};
pub use rules::live_event::{Happened, LiveEvent};
pub use rules::sign_in::{SandboxDevice, SignIn, SignInError, SignInPolicy, SignInRequest};
pub use sandbox::Sandbox;
pub use seed::{Seed, SeedDevice, SeedError, SeedUser};
pub use server::call_names::{UnknownCall, call_names};
pub use server::calls::{Call, CountedCall};
pub use server::faults::Fault;
pub use server::jwt::JwtKey;
pub use server::jwt_signature::JwtKeyError;
pub use server::rate::{RateWindow, Rates};
pub use simulated::{
    ConnectError, DeviceEvent, DeviceLogin, Frames, SimulatedDevice, counted_calls, is_sandbox,
};
pub use state_file::StateFileError;
pub use webhooks::Webhook;
