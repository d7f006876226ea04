package embedded

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Names within Options.Dir.
const (
	usersFile  = "users.xml"
	configFile = "config.xml"
	lockFile   = "lock"
	outputFile = "output.log"     // what the child prints
	logFile    = "clickhouse.log" // what ClickHouse logs
	dataDir    = "data"
)

// usersXML gives the local session of the child and the federation their users. The local session always logs in as
// default without a password from 127.0.0.1, so default cannot have one: it may do nothing but open the listener, and it
// has one session only, which the local session holds. Everybody else needs the password.
func usersXML(passwordHash string) string {
	return fmt.Sprintf(`<clickhouse>
  <profiles>
    <default></default>
    <boot><max_sessions_for_user>1</max_sessions_for_user></boot>
  </profiles>
  <users>
    <default>
      <password></password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>boot</profile>
      <quota>default</quota>
      <grants><query>GRANT SYSTEM LISTEN ON *.*</query></grants>
    </default>
    <%[1]s>
      <password_sha256_hex>%[2]s</password_sha256_hex>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <access_management>1</access_management>
    </%[1]s>
  </users>
  <quotas><default></default></quotas>
</clickhouse>
`, User, passwordHash)
}

// configXML configures the server. The level is set by log-level: clickhouse-local ignores logger/level.
func configXML(dir string, port int, maxMemory int64, more string) string {
	return fmt.Sprintf(`<clickhouse>
  <users_config>%s</users_config>
  <listen_host>127.0.0.1</listen_host>
  <tcp_port>%d</tcp_port>
  <max_server_memory_usage>%d</max_server_memory_usage>
  <mark_cache_size>67108864</mark_cache_size>
  <timezone>UTC</timezone>
  <disable_suggestion>1</disable_suggestion>
  <log-level>warning</log-level>
  <logger>
    <console>0</console>
    <log>%s</log>
    <size>20M</size>
    <count>2</count>
  </logger>
  %s
</clickhouse>
`, escape(filepath.Join(dir, usersFile)), port, maxMemory, escape(filepath.Join(dir, logFile)), more)
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // A strings.Builder takes everything.
	return b.String()
}

func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the ClickHouse folder: %w", err)
	}
	// A folder that was there before may be open to others; the data and the password hash are not for them.
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("close the ClickHouse folder to others: %w", err)
	}
	return nil
}
