// Package migrate orders the steps from one inventory of a cluster to another, in the order PTC sets the parts up: backup,
// new machines, ZooKeeper, storage, database, time series, connection servers, Foundation, load balancer, removal. It
// computes the availability of every intermediate state, reorders or joins steps so that none is below both ends, and says
// the downtime, the way back and the precondition of each. It is pure; recommend calls it, and Changes for counting.
package migrate
