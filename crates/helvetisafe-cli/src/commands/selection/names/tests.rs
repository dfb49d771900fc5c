use super::*;

/// Names that must be refused if the vault chose them. They repeat rows of the table, so that a removed
/// row is noticed.
const DANGEROUS: &str = "
    PATH HOME IFS ENV BASH_ENV PS4 PROMPT_COMMAND ZDOTDIR FPATH NULLCMD TMPPREFIX TERMINFO
    LD_PRELOAD LD_AUDIT LD_LIBRARY_PATH DYLD_INSERT_LIBRARIES GCONV_PATH LOCALDOMAIN NLSPATH
    BASH_FUNC_ls%% HELVETISAFE_CLIENT_SECRET KRB5_CONFIG PERLIO_DEBUG PYTHONINSPECT TZDIR
    NODE_OPTIONS PERL5OPT RUBYOPT JAVA_TOOL_OPTIONS PYTHONSTARTUP PYTHONWARNINGS PYTEST_ADDOPTS
    LUA_INIT LUA_INIT_5_4 LUA_PATH_5_3 TAR_OPTIONS MAKEFLAGS GNUMAKEFLAGS GOFLAGS GOINSECURE CGO_LDFLAGS
    RUSTC RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER RUSTFLAGS RUSTDOCFLAGS
    CARGO_HOME CARGO_BUILD_RUSTC_WRAPPER CARGO_BUILD_RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER
    CARGO_ALIAS_B CARGO_HTTP_CAINFO CARGO_NET_GIT_FETCH_WITH_CLI
    CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS CARGO_REGISTRIES_MINE_CREDENTIAL_PROVIDER
    RSYNC_RSH SVN_SSH HGRCPATH CVS_RSH
    GIT_SSH GIT_SSH_COMMAND GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_GLOBAL GIT_EXTERNAL_DIFF
    GIT_ASKPASS GIT_DIR GIT_TRACE GIT_OBJECT_DIRECTORY GIT_SSL_NO_VERIFY
    KUBECONFIG DOCKER_HOST DOCKER_CONFIG AWS_CONFIG_FILE AWS_CONTAINER_CREDENTIALS_FULL_URI
    PIP_CONFIG_FILE PIP_TRUSTED_HOST PIP_FIND_LINKS PIP_TARGET
    NPM_CONFIG_SCRIPT_SHELL npm_config_script_shell npm_config_node-options npm_config_userconfig
    GRADLE_OPTS MAVEN_OPTS MAVEN_ARGS R_PROFILE R_PROFILE_USER VIMINIT EXINIT LESS
    ASPNETCORE_HOSTINGSTARTUPASSEMBLIES DOTNET_STARTUP_HOOKS CORECLR_PROFILER_PATH_64
    GTK_MODULES QT_PLUGIN_PATH GIO_EXTRA_MODULES OMPI_MCA_plm_rsh_agent
    HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY FTP_PROXY http_proxy https_proxy Https_Proxy
    ANSIBLE_VAULT_PASSWORD_FILE ANSIBLE_CALLBACK_PLUGINS TF_CLI_CONFIG_FILE TF_CLI_ARGS_plan
    RESTIC_PASSWORD_COMMAND BORG_RSH RIPGREP_CONFIG_PATH CONFIG_SITE APT_CONFIG SSL_CERT_FILE
    ZIP RM RUSTFMT PYENV_HOOK_PATH RBENV_HOOK_PATH FLASK_APP DEBIAN_FRONTEND DEBCONF_SYSTEMRC DPKG_ROOT
    DPKG_ADMINDIR APT_PAGER PERF_EXEC_PATH AWKLIBPATH SDL_DYNAMIC_API GIT_CLONE_PROTECTION_ACTIVE
    AR AS YACC LEX HOST_CC TARGET_CC HOST_CXX TARGET_CXX TARGET_CFLAGS LIBCLANG_PATH LLVM_CONFIG_PATH
    CC_x86_64-unknown-linux-gnu CC_x86_64_unknown_linux_musl CXX_aarch64_apple_darwin AR_armv7_linux_androideabi
    CFLAGS_x86_64_unknown_linux_gnu PROTOC NVCC_PREPEND_FLAGS NVCC_APPEND_FLAGS UVICORN_LOG_CONFIG
    DJANGO_SETTINGS_MODULE VIRTUALENVWRAPPER_PYTHON VIRTUALENVWRAPPER_HOOK_DIR RUBYGEMS_GEMDEPS
    SPEC_OPTS JDK_JAVAC_OPTIONS KAFKA_OPTS KAFKA_HEAP_OPTS KAFKA_JVM_PERFORMANCE_OPTS KAFKA_LOG4J_OPTS
    KAFKA_JMX_OPTS JVM_OPTS SERVER_JVMFLAGS LS_JAVA_OPTS SPRING_APPLICATION_JSON DOTNET_GCName
    DOTNET_GCPath DOTNET_DiagnosticPorts DirectoryBuildTargetsPath DirectoryBuildPropsPath
    MSBuildExtensionsPath MSBuildSDKsPath CustomAfterMicrosoftCommonTargets
    TG_AUTH_PROVIDER_CMD TERRAGRUNT_AUTH_PROVIDER_CMD TF_ENCRYPTION ANSIBLE_BECOME_EXE
    ANSIBLE_SCP_EXECUTABLE ANSIBLE_SFTP_EXECUTABLE npm_execpath NPM_CONFIG_IGNORE_SCRIPTS
    npm_config_ignore-scripts XDEBUG_CONFIG";

/// Names that people store, and that must pass.
const STORED: &str = "
    DATABASE_URL DB_HOST DB_PORT DB_USER DB_PASS REDIS_URL PGHOST PGUSER PGPASSWORD PGSSLMODE PGSSLROOTCERT
    MYSQL_PWD MYSQL_PASSWORD MONGODB_URI AMQP_URL SMTP_PASSWORD
    GIT_TOKEN GIT_USER GIT_USERNAME GIT_PASSWORD GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL GITHUB_TOKEN
    GH_TOKEN GITLAB_TOKEN BITBUCKET_APP_PASSWORD SVN_PASSWORD P4PASSWD
    CARGO_REGISTRY_TOKEN CARGO_REGISTRIES_MINE_TOKEN CARGO_REGISTRIES_MINE_INDEX
    PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIPENV_PYPI_MIRROR TWINE_USERNAME TWINE_PASSWORD UV_INDEX_URL
    UV_PUBLISH_TOKEN POETRY_PYPI_TOKEN_PYPI POETRY_HTTP_BASIC_MINE_PASSWORD
    NPM_TOKEN NODE_AUTH_TOKEN NPM_CONFIG_REGISTRY NPM_CONFIG__AUTH npm_config__authtoken
    YARN_NPM_AUTH_TOKEN YARN_NPM_REGISTRY_SERVER GOPROXY GEM_HOST_API_KEY BUNDLE_GITHUB__COM
    BUNDLE_RUBYGEMS__PKG__GITHUB__COM COMPOSER_AUTH NUGET_API_KEY HEX_API_KEY
    VSS_NUGET_EXTERNAL_FEED_ENDPOINTS HOMEBREW_GITHUB_API_TOKEN HOMEBREW_DOCKER_REGISTRY_TOKEN
    ORG_GRADLE_PROJECT_signingKey ORG_GRADLE_PROJECT_signingPassword GRADLE_PUBLISH_KEY MAVEN_USERNAME
    MAVEN_PASSWORD MAVEN_GPG_PASSPHRASE MVNW_USERNAME MVNW_PASSWORD SONAR_TOKEN
    DOCKER_USERNAME DOCKER_PASSWORD DOCKER_AUTH_CONFIG DOCKERHUB_TOKEN KUBE_TOKEN KUBECONFIG_BASE64
    AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION AWS_PROFILE AWS_ENDPOINT_URL
    GOOGLE_APPLICATION_CREDENTIALS GOOGLE_CREDENTIALS GCP_PROJECT AZURE_CLIENT_ID
    AZURE_CLIENT_SECRET ARM_CLIENT_SECRET DIGITALOCEAN_ACCESS_TOKEN CLOUDFLARE_API_TOKEN
    TF_TOKEN_app_terraform_io TF_VAR_db_password PULUMI_ACCESS_TOKEN VAULT_ADDR VAULT_TOKEN
    CONSUL_HTTP_ADDR CONSUL_HTTP_TOKEN NOMAD_TOKEN ANSIBLE_VAULT_PASSWORD SOPS_AGE_KEY
    RESTIC_PASSWORD RESTIC_REPOSITORY BORG_PASSPHRASE BORG_REPO RCLONE_CONFIG_PASS
    RCLONE_CONFIG_S3_SECRET_ACCESS_KEY SSH_PRIVATE_KEY SSH_KEY GPG_PRIVATE_KEY GPG_PASSPHRASE
    SECRET_KEY_BASE RAILS_MASTER_KEY DJANGO_SECRET_KEY FLASK_SECRET_KEY APP_KEY JWT_SECRET
    SPRING_DATASOURCE_PASSWORD ASPNETCORE_URLS ConnectionStrings__Default RELEASE_COOKIE
    OPENAI_API_KEY ANTHROPIC_API_KEY HF_TOKEN SENTRY_DSN SENTRY_AUTH_TOKEN SLACK_WEBHOOK_URL
    STRIPE_SECRET_KEY DOTENV_KEY DOTENV_PRIVATE_KEY OTEL_EXPORTER_OTLP_HEADERS
    PROXY_USER PROXY_PASSWORD PROXY_URL PATHS LD CI_TOKEN USER USERNAME PASSWORD HOST PORT
    CC_API_KEY CC_TOKEN CC_NUMBER AR_TOKEN AS_PASSWORD ZIP_PASSWORD FLASK_SECRET KAFKA_PASSWORD
    KAFKA_SASL_PASSWORD DJANGO_DB_PASSWORD ANSIBLE_BECOME_PASS NPM_CONFIG_EMAIL
    user username password host port path home env shell editor browser pager tmp temp less options
    token key url é";

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_ascii_whitespace()
}

/// Returns each row, whether it is refused for the user too, and whether it is loose.
fn rows() -> impl Iterator<Item = (&'static str, bool, bool)> {
    let groups = TABLE.iter().map(|group| (group, false));
    let groups = groups.chain(LOOSE.iter().map(|group| (group, true)));
    groups.flat_map(|(group, is_loose)| {
        let always = words(group.always).map(move |row| (row, true, is_loose));
        always.chain(words(group.from_vault).map(move |row| (row, false, is_loose)))
    })
}

#[test]
fn each_row_is_refused_where_the_vault_chose_the_name() {
    for (row, is_for_user, is_loose) in rows() {
        for filling in ["", "X", "A_B"] {
            let name = row.replacen('*', filling, 1);
            let danger = danger(&name, NamedBy::Vault).expect(&name);
            assert_eq!(danger.is_for_user, is_for_user, "{name}");
            let for_user = super::danger(&name, NamedBy::User);
            assert_eq!(for_user.is_some(), is_for_user, "{name}");
        }
        if is_loose {
            let other = row.to_ascii_lowercase().replace('_', "-");
            assert!(danger(&other, NamedBy::Vault).is_some(), "{other}");
        }
    }
}

#[test]
fn a_row_is_a_name_or_a_narrow_pattern_and_each_is_needed() {
    let all: Vec<_> = rows().collect();
    for (at, &(row, _, _)) in all.iter().enumerate() {
        assert!(row.matches('*').count() <= 1, "{row}");
        assert!(!row.contains('*') || row.len() > 3, "{row} is not narrow");
        for (other_at, &(other, _, is_loose)) in all.iter().enumerate() {
            let is_covered = at != other_at && matches(other, row, is_loose);
            assert!(!is_covered, "{row} is in {other}");
        }
    }
}

#[test]
fn names_that_programs_act_upon_are_known() {
    for name in words(DANGEROUS) {
        assert!(danger(name, NamedBy::Vault).is_some(), "{name}");
    }
}

#[test]
fn names_that_people_store_pass() {
    for name in words(STORED).chain([""]) {
        assert_eq!(danger(name, NamedBy::Vault), None, "{name}");
        assert_eq!(danger(name, NamedBy::User), None, "{name}");
    }
}

/// Names that the user types are checked against few names: the list must not grow by accident.
#[test]
fn the_user_may_choose_all_but_a_few_names() {
    for name in
        words("PATH ENV LD_PRELOAD NODE_OPTIONS GIT_SSH_COMMAND RUSTC_WRAPPER HELVETISAFE_X")
    {
        assert!(danger(name, NamedBy::User).is_some(), "{name}");
    }
    for name in words("HTTPS_PROXY KUBECONFIG DOCKER_HOST RUSTFLAGS JAVA_OPTS GIT_DIR LESS TMP") {
        assert_eq!(danger(name, NamedBy::User), None, "{name}");
    }
    assert_eq!(
        rows().filter(|(_, is_for_user, _)| *is_for_user).count(),
        94
    );
}

#[test]
fn a_default_in_a_found_file_cannot_select_a_peer() {
    for name in "PGHOST PGHOSTADDR PGPORT PGSSLMODE PGSSLROOTCERT PGSERVICE MYSQL_HOST MYSQL_UNIX_PORT DB_HOST DBHOST
        DATABASE_URL REDIS_URL REDIS_URL_2 REDIS_URL2 AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3 S3_ENDPOINT VAULT_ADDR
        PIP_INDEX_URL PIP_EXTRA_INDEX_URL UV_INDEX NPM_CONFIG_REGISTRY npm_config_registry MAILCAPS SENTRY_DSN
        KAFKA_BOOTSTRAP_SERVERS OPENAI_API_BASE OPENAI_BASE_URL SMTP_HOST SMTP_HOST_NAME HOST TLS_SKIP_VERIFY
        REDIS_TLS REDIS_CA MONGODB_URI GOPROXY ConnectionStrings__Default COREPACK_NPM_REGISTRY SQLCMDSERVER
        GOOGLE_APPLICATION_CREDENTIALS SLACK_WEBHOOK PATH HTTPS_PROXY LD_PRELOAD"
        .split_ascii_whitespace()
    {
        assert!(danger(name, NamedBy::FileWithDefault).is_some(), "{name}");
    }
    for name in "LEVEL LOG_LEVEL PORT DB_PORT DB_NAME PGUSER PGDATABASE DATABASE AWS_REGION NODE_ENV APP_ENV TZ
        FEATURE_X RAILS_ENV WORKERS TIMEOUT CACHE_TTL LOCALE AFRICA"
        .split_ascii_whitespace()
    {
        assert_eq!(danger(name, NamedBy::FileWithDefault), None, "{name}");
    }
    for named_by in [NamedBy::User, NamedBy::File, NamedBy::Vault] {
        assert_eq!(danger("PGHOST", named_by), None);
        assert_eq!(danger("DATABASE_URL", named_by), None);
    }
}
