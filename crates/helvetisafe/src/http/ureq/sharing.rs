//! One TLS configuration for all connections.

use ureq::Error;
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector, Transport};

/// Connects as `ureq` does by default, with the agent's TLS configuration.
///
/// Each request has its own configuration, for its timeout. For such requests `ureq` makes a TLS
/// configuration for each connection: it reads the platform's certificates every time and resumes no
/// session. The TLS settings are all the same, so one configuration is enough.
#[derive(Debug, Default)]
pub(super) struct SharingConnector(DefaultConnector);

impl Connector for SharingConnector {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let details = ConnectionDetails {
            uri: details.uri,
            addrs: details.addrs.clone(),
            config: details.config,
            request_level: false,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        self.0.connect(&details, chained)
    }
}
