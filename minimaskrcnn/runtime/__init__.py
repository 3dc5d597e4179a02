"""What the stages need to run: threads, memory, BLAS, the tape for training, compiling, files.

None of this is specific to Mask R-CNN. You can skip it all on a first reading.
"""
