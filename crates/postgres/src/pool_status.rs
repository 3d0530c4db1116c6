use sea_orm::sqlx;

/// How many connections a process has to its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStatus {
    /// The most that there can be.
    pub max: u32,
    /// Those that a call uses now.
    pub in_use: u32,
    /// Those that are open and unused.
    pub idle: u32,
    /// Calls that wait for one; `None` if the pool does not tell, as the driver's pools do not.
    pub waiting: Option<u32>,
}

impl PoolStatus {
    /// The connections of a pool of the driver.
    pub(crate) fn of<DB: sqlx::Database>(pool: &sqlx::Pool<DB>) -> Self {
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        Self {
            max: pool.options().get_max_connections(),
            in_use: pool.size().saturating_sub(idle),
            idle,
            waiting: None,
        }
    }

    /// The connections of both.
    #[cfg(feature = "sqlite")]
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            max: self.max + other.max,
            in_use: self.in_use + other.in_use,
            idle: self.idle + other.idle,
            waiting: None,
        }
    }
}
