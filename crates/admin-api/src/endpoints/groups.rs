//! Groups: which there are, who is in which, and putting users in (pages "groups of the app", "groups of a user" and "add
//! group members").

use serde::Deserialize;
use serde_json::{Value, json};

use crate::app_root::AppKey;
use crate::client::Client;
use crate::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{BuildError, DecodeError, Error};
use crate::model::{Integer, UnixMillis, UserId};
use crate::page::{Cursor, Page};
use crate::transport::limit::RateLimit;

/// 100 calls a second, 50 for the groups of a user (page of limits).
const GROUPS: Bucket = Bucket::Own("groups", RateLimit::per_second(100));
const JOINED: Bucket = Bucket::Own("groups.joined", RateLimit::per_second(50));

/// How many users one call puts into a group (group members page).
pub const MEMBER_BATCH: usize = 60;

/// A group, as far as a listing tells.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::groups::ListGroups;
/// use easemob_admin_api::envelope::Envelope;
///
/// let body = br#"{"data":[{"owner":"acme#chat_ann","groupid":"7","affiliations":2,"last_modified":"1441021038124"}]}"#;
/// let page = Envelope::decode(&ListGroups { limit: 10, cursor: None }, body)?;
/// assert_eq!((page.items[0].id.as_str(), page.items[0].members), ("7", Some(2)));
/// let both = br#"{"data":[{"groupid":"7","id":"7","groupname":"team","name":"team"}]}"#;
/// let page = Envelope::decode(&ListGroups { limit: 10, cursor: None }, both)?;
/// assert_eq!(page.items[0].name.as_deref(), Some("team"));
/// # Ok::<(), easemob_admin_api::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupSummary {
    /// The id.
    pub id: String,
    /// The name.
    pub name: Option<String>,
    /// Whose group it is. Servers write the app key and `_` before the name; [`Client::list_groups_page`] takes them off,
    /// where it knows the key.
    pub owner: Option<UserId>,
    /// How many members it has.
    pub members: Option<u64>,
    /// When it was last changed.
    pub modified: Option<UnixMillis>,
}

/// A group as servers write it: each name in one spelling, in the other, or in both.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct SpelledGroup {
    #[serde(default)]
    groupid: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    groupname: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    owner: Option<UserId>,
    #[serde(default)]
    affiliations: Option<Integer>,
    #[serde(default)]
    last_modified: Option<Integer>,
}

#[derive(Deserialize)]
#[serde(try_from = "SpelledGroup")]
struct WireGroup(GroupSummary);

impl TryFrom<SpelledGroup> for WireGroup {
    type Error = &'static str;

    fn try_from(wire: SpelledGroup) -> Result<Self, Self::Error> {
        let number = |number: Option<Integer>| number.and_then(|Integer(number)| u64::try_from(number).ok());
        Ok(Self(GroupSummary {
            id: wire.groupid.or(wire.id).ok_or("missing field `groupid`")?,
            name: wire.groupname.or(wire.name),
            owner: wire.owner,
            members: number(wire.affiliations),
            modified: number(wire.last_modified).map(UnixMillis),
        }))
    }
}

impl From<WireGroup> for GroupSummary {
    fn from(WireGroup(group): WireGroup) -> Self {
        group
    }
}

/// Reads one page of the app's groups, newest first.
///
/// ```
/// use easemob_admin_api::AppRoot;
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::groups::ListGroups;
///
/// let root = AppRoot::parse("https://im.example.com/acme/chat")?;
/// let request = ListGroups { limit: 100, cursor: None }.request(&root)?;
/// assert_eq!(request.url.query(), Some("limit=100"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListGroups {
    /// How many groups, 1 to 100.
    pub limit: usize,
    /// Where the page begins; `None` for the first.
    pub cursor: Option<Cursor>,
}

impl Endpoint for ListGroups {
    const NAME: &'static str = "groups.list";
    const EFFECT: Effect = Effect::Read;
    const BUCKET: Bucket = GROUPS;
    type Output = Page<GroupSummary>;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["chatgroups"])
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![("limit", self.limit.to_string())];
        query.extend(self.cursor.iter().map(|cursor| ("cursor", cursor.to_string())));
        query
    }

    fn check(&self) -> Result<(), BuildError> {
        BuildError::check_batch("groups in a page", self.limit, 100)
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Page<GroupSummary>, DecodeError> {
        let (groups, odd) = answer.each_datum::<WireGroup>()?;
        let groups = groups.into_iter().map(GroupSummary::from).collect();
        let cursor = answer.cursor();
        Page::new((groups, odd), cursor, self.cursor.as_ref(), self.limit)
            .map_err(|problem| answer.problem(problem))
    }
}

/// Reads one page of the groups that a user is in, newest membership first.
///
/// ```
/// use easemob_admin_api::UserId;
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::groups::ListJoinedGroups;
///
/// let call = ListJoinedGroups { user: UserId::parse("ann")?, page: 1, page_size: 100 };
/// assert_eq!(call.path().encode()?, "/users/ann/joined_chatgroups");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListJoinedGroups {
    /// Whose.
    pub user: UserId,
    /// Which page, from 1.
    pub page: u32,
    /// How many groups, 1 to 100.
    pub page_size: usize,
}

impl Endpoint for ListJoinedGroups {
    const NAME: &'static str = "groups.joined";
    const EFFECT: Effect = Effect::Read;
    const BUCKET: Bucket = JOINED;
    type Output = Vec<GroupSummary>;

    fn method(&self) -> Method {
        Method::GET
    }

    /// The path of the older page, which names the user as all calls about users do; the newer one has
    /// `/chatgroups/user/{user}`.
    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "joined_chatgroups"])
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![
            ("pagesize", self.page_size.to_string()),
            ("pagenum", self.page.to_string()),
        ]
    }

    fn check(&self) -> Result<(), BuildError> {
        BuildError::check_batch("groups in a page", self.page_size, 100)
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<GroupSummary>, DecodeError> {
        let groups: Vec<WireGroup> = answer.data()?;
        Ok(groups.into_iter().map(GroupSummary::from).collect())
    }
}

/// Puts users into a group, who are not asked. `Repeatable`: a second time they are in already, which the server refuses.
///
/// ```
/// use easemob_admin_api::UserId;
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::groups::AddGroupMembers;
///
/// let call = AddGroupMembers { group: "7".into(), users: vec![UserId::parse("ann")?] };
/// assert_eq!(call.path().encode()?, "/chatgroups/7/users");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddGroupMembers {
    /// The id of the group.
    pub group: String,
    /// Whom to put in, 1 to 60.
    pub users: Vec<UserId>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct WireAdded {
    newmembers: Vec<UserId>,
}

impl Endpoint for AddGroupMembers {
    const NAME: &'static str = "groups.add_members";
    const EFFECT: Effect = Effect::Repeatable;
    const BUCKET: Bucket = GROUPS;
    type Output = Vec<UserId>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["chatgroups", &self.group, "users"])
    }

    fn body(&self) -> Option<Value> {
        Some(json!({ "usernames": self.users }))
    }

    fn check(&self) -> Result<(), BuildError> {
        BuildError::check_batch("users", self.users.len(), MEMBER_BATCH)
    }

    fn target(&self) -> Option<String> {
        Some(self.group.clone())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<UserId>, DecodeError> {
        answer.data::<WireAdded>().map(|added| added.newmembers)
    }
}

impl Client {
    /// Reads one page of the app's groups, newest first; `limit` is 1 to 100.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// let mut cursor = None;
    /// loop {
    ///     let page = client.list_groups_page(100, cursor.as_ref()).await?;
    ///     for group in page.items {
    ///         println!("{} of {:?}", group.id, group.owner);
    ///     }
    ///     cursor = page.next;
    ///     if cursor.is_none() {
    ///         break;
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the limit is not 1 to 100, or the call fails for any reason of [`Client::execute`].
    pub async fn list_groups_page(
        &self,
        limit: usize,
        cursor: Option<&Cursor>,
    ) -> Result<Page<GroupSummary>, Error> {
        let cursor = cursor.cloned();
        let mut page = self.execute(&ListGroups { limit, cursor }).await?;
        if let Some(key) = self.app_root().app_key() {
            page.items.iter_mut().for_each(|group| take_off(group, key));
        }
        Ok(page)
    }

    /// Reads one page of the groups that `user` is in; `page` counts from 1, `page_size` is 1 to 100.
    ///
    /// # Errors
    /// When the page size is not 1 to 100, the user is unknown, or the call fails for any reason of [`Client::execute`].
    pub async fn list_joined_groups(
        &self,
        user: &UserId,
        page: u32,
        page_size: usize,
    ) -> Result<Vec<GroupSummary>, Error> {
        self.execute(&ListJoinedGroups {
            user: user.clone(),
            page,
            page_size,
        })
        .await
    }

    /// Puts up to 60 users into a group, and returns those who were not in it before.
    ///
    /// # Errors
    /// When there are no or more than 60 users, group or user is unknown, all of them are in it already, or the call fails
    /// for any reason of [`Client::execute`].
    pub async fn add_group_members(
        &self,
        group: impl Into<String>,
        users: &[UserId],
    ) -> Result<Vec<UserId>, Error> {
        self.execute(&AddGroupMembers {
            group: group.into(),
            users: users.to_vec(),
        })
        .await
    }
}

fn take_off(group: &mut GroupSummary, key: &AppKey) {
    group.owner = group.owner.take().map(|owner| owner.without_app_key(key));
}
