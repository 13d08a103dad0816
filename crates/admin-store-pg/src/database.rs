//! Opens a database and keeps its connections.

use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod};
use easemob_admin_ops::store_error::{Cause, StoreError};
use futures_util::{StreamExt as _, stream};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::{DatabaseAddress, Encryption};
use crate::calling::Calling;
use crate::password::{PasswordError, PasswordSource};
use crate::schema::{self, MIGRATIONS, ProgramVersion, SchemaFailure, SchemaRefusal, SchemaState};
use crate::tls;
use crate::worker_role;

/// How long to wait for a connection, and for others who change the same locks. The same patience as with SQLite.
const PATIENCE: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A silent connection is given up after about a minute; without this it takes hours.
const KEEPALIVE: Duration = Duration::from_secs(15);
const MOST_CONNECTIONS: usize = 8;
/// How often, and for how long, a question is repeated that a cut connection left without an answer: about as long as a
/// server takes to restart.
pub(crate) const ASK_AGAIN: Duration = Duration::from_millis(100);
pub(crate) const RESTART: Duration = Duration::from_secs(30);

/// What each session begins with. A machine that stands still within a transaction must not keep the others waiting for
/// ever, and a change that was reported as made must survive a power failure.
const SESSION: &str = "-c idle_in_transaction_session_timeout=60s -c lock_timeout=60s -c synchronous_commit=on \
                       -c default_transaction_isolation=read\\ committed -c client_min_messages=warning";

/// An open database. Clones share its connections.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

struct Shared {
    address: DatabaseAddress,
    connector: Connector,
    pool: Pool,
    calling: Calling,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the {address}")]
pub struct DatabaseError {
    /// The database.
    pub address: Box<DatabaseAddress>,
    /// The cause.
    #[source]
    pub cause: DatabaseCause,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseCause {
    /// There is no password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] Cause),
    /// The server cannot be reached, or the connection was cut.
    #[error("the server cannot be reached")]
    Away(#[source] Cause),
    /// The server does not let this account in, or refused a statement.
    #[error("the server refused")]
    Refused(#[source] Cause),
    /// This program must not use the tables as they are.
    #[error(transparent)]
    Schema(#[from] SchemaRefusal),
}

/// Makes connections. It has the password, so it is never printed.
#[derive(Clone)]
struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Connector {
    fn new(address: &DatabaseAddress, password: Option<&SecretString>) -> Result<Self, DatabaseCause> {
        let mut config = Config::new();
        config
            .host(&address.host)
            .port(address.port)
            .user(&address.user)
            .dbname(&address.database)
            .application_name("easemob-admin")
            .connect_timeout(CONNECT_TIMEOUT)
            .keepalives_idle(KEEPALIVE)
            .keepalives_interval(KEEPALIVE)
            .keepalives_retries(3)
            .tcp_user_timeout(PATIENCE)
            .options(SESSION);
        if let Some(password) = password {
            config.password(password.expose_secret());
        }
        let tls = match &address.encryption {
            Encryption::Off => {
                config.ssl_mode(SslMode::Disable);
                None
            }
            Encryption::Verified { roots } => {
                config.ssl_mode(SslMode::Require);
                let settings = tls::settings(roots.as_deref()).map_err(DatabaseCause::Tls)?;
                Some(MakeRustlsConnect::new(settings))
            }
        };
        Ok(Self { config, tls })
    }

    fn pool(&self) -> Pool {
        let settings = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let config = self.config.clone();
        let manager = match self.tls.clone() {
            None => Manager::from_config(config, NoTls, settings),
            Some(tls) => Manager::from_config(config, tls, settings),
        };
        Pool::builder(manager)
            .max_size(MOST_CONNECTIONS)
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .wait_timeout(Some(PATIENCE))
            .build()
            .expect("a runtime is named for the time limits")
    }

    /// Makes a connection outside the pool; it ends when the client is dropped.
    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        match self.tls.clone() {
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                tokio::spawn(connection);
                Ok(client)
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls).await?;
                tokio::spawn(connection);
                Ok(client)
            }
        }
    }
}

/// Calls `hear` when the channel is listened to, and for each notification, until the connection ends.
async fn hear<S, T>(
    client: Client,
    mut connection: Connection<S, T>,
    channel: &str,
    hear: impl Fn(),
) -> Result<(), tokio_postgres::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let listen = format!("LISTEN {channel}");
    let mut begun = pin!(client.batch_execute(&listen));
    let mut has_begun = false;
    let mut messages = stream::poll_fn(|context| connection.poll_message(context));
    loop {
        tokio::select! {
            begins = &mut begun, if !has_begun => {
                begins?;
                has_begun = true;
                hear();
            }
            message = messages.next() => match message.transpose()? {
                Some(AsyncMessage::Notification(_)) => hear(),
                Some(_) => {}
                None => return Ok(()),
            }
        }
    }
}

impl Database {
    /// Opens a database, whose tables must have been [migrated](Self::migrate). Blocks the thread.
    ///
    /// # Errors
    /// When there is no password, the server cannot be reached or refuses, or this program does not fit the tables.
    /// Nothing has changed then.
    pub fn open(address: &DatabaseAddress, password: &PasswordSource) -> Result<Self, DatabaseError> {
        let this = Self::unchecked(address, password)?;
        let connector = this.shared.connector.clone();
        let checked = this.shared.calling.wait(async move {
            let client = connector.connect().await?;
            schema::check_session(&client).await?;
            let state = schema::state(&client).await?;
            Ok(schema::check(state, ProgramVersion::this())?)
        });
        checked.map_err(|failure| at(address, failure))?;
        Ok(this)
    }

    /// Brings the tables to the version of this program, and returns what they were. Programs that the new tables still
    /// work with may continue meanwhile. Blocks the thread.
    ///
    /// # Errors
    /// When there is no password, the server cannot be reached or refuses, or the tables need a newer program. Nothing
    /// has changed then.
    pub fn migrate(
        address: &DatabaseAddress,
        password: &PasswordSource,
    ) -> Result<SchemaState, DatabaseError> {
        let this = Self::unchecked(address, password)?;
        let connector = this.shared.connector.clone();
        let migrated = this.shared.calling.wait(async move {
            let mut client = connector.connect().await?;
            schema::migrate(&mut client, ProgramVersion::this(), MIGRATIONS).await
        });
        migrated.map_err(|failure| at(address, failure))
    }

    /// Reads the version of the tables. Blocks the thread.
    ///
    /// # Errors
    /// When there is no password, the server cannot be reached or refuses, or the version cannot be understood.
    pub fn state(address: &DatabaseAddress, password: &PasswordSource) -> Result<SchemaState, DatabaseError> {
        let this = Self::unchecked(address, password)?;
        let connector = this.shared.connector.clone();
        let read = this.shared.calling.wait(async move {
            let client = connector.connect().await?;
            schema::state(&client).await
        });
        read.map_err(|failure| at(address, failure))
    }

    /// Allows another role to work with the tables, which must have been [migrated](Self::migrate): it adds to the trail, and
    /// can neither change nor remove what is there. Blocks the thread.
    ///
    /// # Errors
    /// When there is no password, the server cannot be reached or refuses, or the role does not exist. Nothing has changed
    /// then.
    pub fn allow_worker(
        address: &DatabaseAddress,
        password: &PasswordSource,
        role: &str,
    ) -> Result<(), DatabaseError> {
        let this = Self::unchecked(address, password)?;
        let (connector, role) = (this.shared.connector.clone(), role.to_owned());
        let allowed = this.shared.calling.wait(async move {
            let mut client = connector.connect().await?;
            worker_role::allow(&mut client, &role).await
        });
        allowed.map_err(|failure| at(address, failure))
    }

    fn unchecked(address: &DatabaseAddress, password: &PasswordSource) -> Result<Self, DatabaseError> {
        let made = || -> Result<Shared, DatabaseCause> {
            let password = password.read(address)?;
            let connector = Connector::new(address, password.as_ref())?;
            let calling = Calling::new().map_err(|error| DatabaseCause::Refused(error.into()))?;
            Ok(Shared {
                address: address.clone(),
                pool: connector.pool(),
                connector,
                calling,
            })
        };
        let shared = made().map_err(|cause| DatabaseError {
            address: Box::new(address.clone()),
            cause,
        })?;
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Returns the address.
    #[must_use]
    pub fn address(&self) -> &DatabaseAddress {
        &self.shared.address
    }

    pub(crate) fn calling(&self) -> &Calling {
        &self.shared.calling
    }

    /// Takes a connection from the pool.
    pub(crate) async fn connection(&self) -> Result<Object, StoreError> {
        self.shared.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => failure(error),
            PoolError::Timeout(_) => StoreError::Busy(Box::new(error)),
            error => StoreError::Failed(Box::new(error)),
        })
    }

    /// Asks in statements outside a transaction. Blocks the thread.
    pub(crate) fn read<T, F>(
        &self,
        ask: impl FnOnce(Arc<Object>) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let database = self.clone();
        self.calling().wait(async move {
            let connection = Arc::new(database.connection().await?);
            ask(connection).await
        })
    }

    /// Asks in statements that may be repeated, as reading may, and does so for a while if the connection is cut. Blocks the
    /// thread.
    pub(crate) fn read_again<T, F>(
        &self,
        ask: impl Fn(Arc<Object>) -> F + Send + Sync + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let database = self.clone();
        self.calling().wait(async move {
            let began = tokio::time::Instant::now();
            loop {
                let asked = async { ask(Arc::new(database.connection().await?)).await };
                match asked.await {
                    Err(error) if helps_repeating(&error) && began.elapsed() < RESTART => {
                        tokio::time::sleep(ASK_AGAIN).await;
                    }
                    answer => return answer,
                }
            }
        })
    }

    /// Listens to a channel on a connection of its own. Calls `heard` once it listens and for each notification, and returns when
    /// the connection ends.
    pub(crate) async fn listen(&self, channel: &str, heard: impl Fn()) -> Result<(), StoreError> {
        let Connector { config, tls } = &self.shared.connector;
        let ended = match tls.clone() {
            None => match config.connect(NoTls).await {
                Ok((client, connection)) => hear(client, connection, channel, heard).await,
                Err(error) => Err(error),
            },
            Some(tls) => match config.connect(tls).await {
                Ok((client, connection)) => hear(client, connection, channel, heard).await,
                Err(error) => Err(error),
            },
        };
        ended.map_err(failure)
    }

    /// Makes a connection of one's own, for what belongs to a session.
    pub(crate) async fn session(&self) -> Result<Client, StoreError> {
        self.shared.connector.connect().await.map_err(failure)
    }
}

fn at(address: &DatabaseAddress, failure: SchemaFailure) -> DatabaseError {
    DatabaseError {
        address: Box::new(address.clone()),
        cause: match failure {
            SchemaFailure::Refused(refusal) => refusal.into(),
            SchemaFailure::Database(error) if is_away(&error) => DatabaseCause::Away(error.into()),
            SchemaFailure::Database(error) => DatabaseCause::Refused(error.into()),
        },
    }
}

/// Says in the words of all stores why a statement failed.
pub(crate) fn failure(error: tokio_postgres::Error) -> StoreError {
    let code = error.code().cloned();
    let is_away = is_away(&error);
    let cause = Box::new(error);
    if [
        Some(SqlState::LOCK_NOT_AVAILABLE),
        Some(SqlState::T_R_DEADLOCK_DETECTED),
    ]
    .contains(&code)
    {
        StoreError::Busy(cause)
    } else if code == Some(SqlState::DISK_FULL) {
        StoreError::Full(cause)
    } else if is_away {
        StoreError::Away(cause)
    } else {
        StoreError::Failed(cause)
    }
}

/// Returns true if nothing was changed, and the same may succeed a moment later: the connection was cut, or others were in
/// the way.
pub(crate) fn helps_repeating(error: &StoreError) -> bool {
    matches!(error, StoreError::Away(_) | StoreError::Busy(_))
}

/// Returns true if the server cannot be reached, has cut the connection, or has too many of them.
fn is_away(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(code) => {
            // Classes of failed connections, and of servers that end. A pool says so of settings that it does not know.
            (code.code().starts_with("08") && *code != SqlState::PROTOCOL_VIOLATION)
                || code.code().starts_with("57P")
                || [
                    SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                    SqlState::TOO_MANY_CONNECTIONS,
                ]
                .contains(code)
        }
        None => error.is_closed() || error.source().is_some_and(<dyn Error>::is::<std::io::Error>),
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Database")
            .field("address", &self.shared.address)
            .finish_non_exhaustive()
    }
}
