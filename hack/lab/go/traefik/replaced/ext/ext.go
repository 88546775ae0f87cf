// Package ext stands for Traefik's extension point of the same name, which its module leaves out.
package ext

// HTTP has nothing to add to the HTTP configuration.
type HTTP struct{}

// Router has nothing to add to a router.
type Router struct{}
