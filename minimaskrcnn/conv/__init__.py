"""Convolution in three forms: the definition, as a matrix product, and Winograd's."""
