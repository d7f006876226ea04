package hostconfig_test

import (
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/sources/hostconfig"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

// fuzz imports texts of one kind of file: each begins with the line by which its kind is recognised.
func fuzz(f *testing.F, name, head string, seeds ...string) {
	f.Helper()
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = head + strings.ReplaceAll(text, sourcetest.Secret, "x")
		r := hostconfig.Import([]importer.File{{Name: name, Data: []byte(text)}}, sourcetest.Options(t, "s"))
		sourcetest.CheckImport(t, &r)
	})
}

func FuzzZooCfg(f *testing.F) {
	fuzz(f, "zk-1/zoo.cfg", "tickTime=2000\n", "server.1=a:2888:3888;2181\nclientPort=2181\n", "server.2=[::1]:1:2:observer;[::]:3\n", "secureClientPort=1\n4lw.commands.whitelist=*\nserver.3=a:1:2|b:3:4\n")
}

func FuzzPgpoolConf(f *testing.F) {
	fuzz(f, "pgp-1/pgpool.conf", "num_init_children = 1\n", "backend_hostname0 = 'a'\nbackend_port0 = 5432\n", "delegate_ip = '10.0.0.1' # x\nhostname0='b'\n", "other_pgpool_hostname0 = 'it''s'\n")
}

func FuzzHAProxyCfg(f *testing.F) {
	fuzz(f, "lb-1/haproxy.cfg", "global\n", "defaults\nfrontend f\n bind :80\n default_backend b\nbackend b\n server s h:1 check\n", "listen x\n cookie A insert\n option httpchk GET /Thingworx/ready\n server s [::1]:8080\n", "backend b\n server s ${H}:1 \"a b\"\n")
}

func FuzzIgnite(f *testing.F) {
	fuzz(f, "ig-1/config.xml", "<beans class=\"IgniteConfiguration\">", "<property name=\"zkConnectionString\" value=\"a:1,b:2\"/></beans>", "<property name=\"basePath\" value=\"/x\"/>", "<!-- --><![CDATA[x]]>")
}

func FuzzConnectionServer(f *testing.F) {
	fuzz(f, "cx-1/cxserver.conf", "cx-server {\n", "discovery { connectionString = \"a:1,b\"\n basePath = \"/x\" } }", "a.b.c = ${?X}\n", "\"q\" : [1, 2]\n// x\n")
}

func FuzzVariables(f *testing.F) {
	fuzz(f, "v.env", "DATABASE_HOST=a\n", "ENABLE_CLUSTERED_MODE=true\nCOORDINATOR_HOSTS=a,b:1\n", "export ZK_NAMESPACE='/n'\nDATABASE_PORT=1\nDB_TYPE=mssql\n", "TWX_DATABASE_SCHEMA=${S:-x}\n")
}

func FuzzServerAnswers(f *testing.F) {
	fuzz(f, "n.txt", "", "zk_version\t3.8\nzk_server_state\tleader\n", "Zookeeper version: 3.8.1\nMode: follower\n", "node_id | hostname | port\n0 | a | 1\n", "Data Nodes\n===\n4 a:8088 1.8\nMeta Nodes\na:8091 1.8\n")
}
