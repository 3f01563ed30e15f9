"""What only training needs: the loop generator, data sets, distillation and towers."""
