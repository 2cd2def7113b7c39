# Keycloak's own role and database; the server's entrypoint runs this when it makes its data folder.
psql --set=ON_ERROR_STOP=1 --set=password="$(cat /run/secrets/keycloak_password)" --username=postgres <<'SQL'
CREATE ROLE keycloak LOGIN PASSWORD :'password';
CREATE DATABASE keycloak OWNER keycloak;
REVOKE ALL ON DATABASE keycloak FROM PUBLIC;
SQL
