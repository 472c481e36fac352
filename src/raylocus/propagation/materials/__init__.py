"""What walls do to waves: permittivities, reflection, diffraction coefficients and their bounds."""
