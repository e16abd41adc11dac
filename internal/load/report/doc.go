// Package report draws a load.Result as one HTML file with SVG plots: light and dark, no script, and nothing that is loaded
// from elsewhere. The result itself is in it as JSON, in the element with the id "result".
//
// Owns: Write, the page, the plots.
// Does not own: the figures.
package report
