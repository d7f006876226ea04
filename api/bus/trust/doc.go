// Package trust makes, issues and revokes the NATS credentials of a federation. It uses NATS' decentralised JWTs: the
// servers trust an operator, the operator signs the account of the federation, and a key of the account that can do nothing
// else signs the sites' credentials. The permissions of a site stand in the account, not in its credential, so that a stolen
// signing key gives no more than a site's rights and a new release changes the rights of all sites at once. Revocations
// stand in the account too and reach every server, and live connections, when the account is signed anew.
//
// The package holds no state beside its keys and does not know what an enrolment is; federation/enrol decides who gets a
// credential, api/bus/embedded and deployments/nats run servers that trust the keys made here.
package trust
